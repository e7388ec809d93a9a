#include "billing_pricing_table.h"

#include "billing_customer.h"
#include "billing_limit.h"
#include "billing_purchase.h"

/* A page may stay open for a day, and so may the Checkout that it leads to. */
#define REFERENCE_SECONDS (2 * 86400)

static enum result open_session(const struct billing *billing, struct pricing_table *table,
    struct problem *problem)
{
	char email[EMAIL_SIZE];
	enum result result;

	result = billing_customer_ensure(billing, &(struct customer_wanted){ 0 }, table->customer, email,
	    problem);
	return result == RESULT_OK ? stripe_customer_session_create(billing->stripe, billing->site,
	    table->customer, &table->session, problem) : result;
}

enum result billing_pricing_table_open(const struct billing *billing, struct pricing_table *table,
    struct problem *problem)
{
	const struct site *site = billing->site;
	enum result result = billing_limit_take(billing, problem);

	if (result == RESULT_OK)
		result = open_session(billing, table, problem);
	if ((result == RESULT_INVALID || result == RESULT_NOT_FOUND) &&
	    billing_purchase_customer_gone(problem)) {
		result = billing_customer_gone(billing, table->customer, problem);
		if (result == RESULT_OK)
			result = open_session(billing, table, problem);
	}
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		return stripe_refused(problem);
	if (result != RESULT_OK)
		return result;
	table->reference[0] = '\0';
	if (site->n_identity_keys > 0 && !client_reference_make(billing->identity->user, site->name,
	    &site->identity_keys[0], billing->now + REFERENCE_SECONDS, table->reference))
		return problem_memory(problem);
	return RESULT_OK;
}
