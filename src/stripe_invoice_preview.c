#include "stripe_invoice_preview.h"

enum result stripe_invoice_preview(struct stripe *stripe, const struct site *site,
    const char *subscription, const struct stripe_item_change *change, int64_t trial_end,
    const char *idempotency_key, struct json_object **invoice, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "subscription", subscription);
	form_add(form, "subscription_details[items][0][id]", change->item);
	form_add(form, "subscription_details[items][0][price]", change->price);
	form_add_int(form, "subscription_details[items][0][quantity]", change->quantity);
	form_add(form, "subscription_details[proration_behavior]", STRIPE_PRORATION);
	form_add_int(form, "subscription_details[proration_date]", change->proration_date);
	if (trial_end != 0)
		form_add_int(form, "subscription_details[trial_end]", trial_end);
	else
		form_add(form, "subscription_details[trial_end]", change->ends_trial ? "now" : NULL);
	form_add(form, "invoice_items[0][price]", change->setup_price);
	result = stripe_call(stripe, site, "POST", "/v1/invoices/create_preview", form, idempotency_key,
	    &answer, problem);
	if (result == RESULT_OK)
		*invoice = answer.object;
	form_free(form);
	return result;
}
