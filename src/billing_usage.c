#include "billing_usage.h"

#include <string.h>

#include "billing_customer.h"
#include "stripe_meter_event.h"

/* Who pays for it: a customer with a live subscription before one without. */
static const char *paying_customer(const struct store_user *user)
{
	size_t i;

	for (i = 0; i < user->n_records; i++)
		if (subscription_live(user->records[i].snapshot.status))
			return user->records[i].snapshot.customer;
	return user->n_customers > 0 ? user->customers[0] : NULL;
}

static enum result refused(struct problem *problem)
{
	const struct problem said = *problem;

	if (strcmp(said.param, "event_name") == 0)
		return problem_set(problem, RESULT_INVALID, said.code, "eventName",
		    "No meter takes this event.");
	return stripe_refused(problem);
}

enum result billing_usage_report(const struct billing *billing, const struct usage *usage,
    struct problem *problem)
{
	struct store_user user = { 0 };
	char identifier[STRIPE_DIGEST_SIZE];
	const char *customer;
	enum result result;

	/* Identifiers are one space for the whole Stripe account: users and sites
	 * must not meet in it. */
	if (!stripe_digest(identifier, billing->site->name, billing->identity->user, usage->identifier,
	    NULL))
		return problem_memory(problem);
	result = billing_customer_find(billing, &user, problem);
	customer = paying_customer(&user);
	if (result == RESULT_OK && customer == NULL)
		result = problem_set(problem, RESULT_NOT_FOUND, "customer_missing", NULL,
		    "This user has no customer.");
	else if (result == RESULT_OK)
		result = stripe_meter_event_create(billing->stripe, billing->site,
		    &(struct stripe_meter_event){
			.event_name = usage->event_name,
			.customer = customer,
			.identifier = identifier,
			.value = usage->value,
		    }, problem);
	store_user_free(&user);
	return result == RESULT_INVALID || (result == RESULT_NOT_FOUND && customer != NULL) ?
	    refused(problem) : result;
}
