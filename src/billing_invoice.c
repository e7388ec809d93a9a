#include "billing_invoice.h"

#include <stdio.h>

#include "log.h"
#include "stripe_invoice.h"

#define TRIES_MAX 100 /* 8 hours, at 5 minutes each */

/* By hand or never, or with what a meter will have counted by then. */
static bool is_to_be_finalized(const struct stripe_invoice *invoice)
{
	return invoice->draft && invoice->auto_advance && invoice->has_subscription
	    && invoice->status != SUBSCRIPTION_UNPAID && invoice->status != SUBSCRIPTION_PAUSED
	    && invoice->status != SUBSCRIPTION_UNKNOWN
	    && invoice->pause_collection == COLLECTION_RUNS && !invoice->metered;
}

static enum result finalize(const struct billing *billing, const char *id, int tries,
    struct stripe_invoice *invoice, struct problem *problem)
{
	char key[STRIPE_DIGEST_SIZE], try[12];

	snprintf(try, sizeof(try), "%d", tries);
	if (!stripe_digest(key, "finalize-invoice", billing->site->name, id, try, (char *)NULL))
		return problem_memory(problem);
	return stripe_invoice_finalize(billing->stripe, billing->site, id, key, invoice, problem);
}

/* A refusal names its cause on the invoice. */
static enum result judge_refusal(const struct billing *billing, const char *id, int tries,
    struct problem *problem)
{
	struct stripe_invoice invoice;
	struct problem refusal = *problem;
	enum result result = stripe_invoice_retrieve(billing->stripe, billing->site, id, &invoice, problem);

	if (result == RESULT_OK && invoice.draft && invoice.tax_failed && tries < TRIES_MAX) {
		*problem = refusal;
		return refusal.result;
	}
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_ERROR, "invoice cannot be finalized", "invoice", id,
		    "code", refusal.code, NULL);
	return result;
}

enum result billing_invoice_finalize(const struct billing *billing, const char *id, int tries,
    struct problem *problem)
{
	struct stripe_invoice invoice;
	enum result result;

	if (!billing->site->finalize_invoices)
		return RESULT_OK;
	result = stripe_invoice_retrieve(billing->stripe, billing->site, id, &invoice, problem);
	if (result == RESULT_NOT_FOUND)
		return RESULT_OK;
	if (result != RESULT_OK || !is_to_be_finalized(&invoice))
		return result;
	result = finalize(billing, id, tries, &invoice, problem);
	if (result == RESULT_INVALID || result == RESULT_DECLINED)
		return judge_refusal(billing, id, tries, problem);
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_INFO, "invoice finalized", "invoice", id, "customer", invoice.customer, NULL);
	return result;
}
