#include "stripe_subscription_write.h"

#include <json-c/json.h>

#include "hex.h"
#include "json_read.h"

/* Ends the form. */
static enum result send_form(struct stripe *stripe, const struct site *site, const char *method,
    const char *id, const char *tail, struct form *form, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result = stripe_subscription_call(stripe, site, method, id, tail, form,
	    idempotency_key, subscription, problem);

	form_free(form);
	return result;
}

enum result stripe_subscription_retrieve_with_method(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "expand[]", "default_payment_method");
	form_add(form, "expand[]", "customer.invoice_settings.default_payment_method");
	result = send_form(stripe, site, "GET", id, NULL, form, NULL, subscription, problem);
	if (result == RESULT_NOT_FOUND)
		return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
		    "There is no such subscription.");
	return result;
}

enum result stripe_subscription_update(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_item_change *change, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "items[0][id]", change->item);
	form_add(form, "items[0][price]", change->price);
	form_add_int(form, "items[0][quantity]", change->quantity);
	form_add(form, "proration_behavior", STRIPE_PRORATION);
	form_add(form, "payment_behavior", "pending_if_incomplete");
	if (change->proration_date != 0)
		form_add_int(form, "proration_date", change->proration_date);
	form_add(form, "add_invoice_items[0][price]", change->setup_price);
	form_add(form, "trial_end", change->ends_trial ? "now" : NULL);
	return send_form(stripe, site, "POST", id, NULL, form, idempotency_key, subscription, problem);
}

enum result stripe_subscription_set_method(struct stripe *stripe, const struct site *site,
    const char *id, const char *payment_method, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "default_payment_method", payment_method);
	return send_form(stripe, site, "POST", id, NULL, form, idempotency_key, subscription, problem);
}

static void add_why(struct form *form, const struct stripe_cancellation *why)
{
	form_add(form, "cancellation_details[feedback]", why->feedback);
	form_add(form, "cancellation_details[comment]", why->comment);
}

enum result stripe_subscription_cancel(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_cancellation *why, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	add_why(form, why);
	return send_form(stripe, site, "DELETE", id, NULL, form, idempotency_key, subscription,
	    problem);
}

enum result stripe_subscription_cancel_later(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_cancellation *why, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add_bool(form, "cancel_at_period_end", true);
	add_why(form, why);
	return send_form(stripe, site, "POST", id, NULL, form, idempotency_key, subscription, problem);
}

enum result stripe_subscription_keep(struct stripe *stripe, const struct site *site,
    const struct subscription *known, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	if (known->cancel_at_period_end)
		form_add_bool(form, "cancel_at_period_end", false);
	else
		form_add(form, "cancel_at", "");
	return send_form(stripe, site, "POST", known->id, NULL, form, idempotency_key, subscription,
	    problem);
}

static enum result void_call(struct stripe *stripe, const struct site *site, const char *path,
    const struct form *form, struct stripe_subscription *subscription, struct problem *problem)
{
	struct stripe_subscription read = { 0 };
	struct stripe_answer answer = { 0 };
	char key[HEX_RANDOM_SIZE];
	enum result result;

	if (!hex_random(key))
		return problem_memory(problem);
	/* To do it again does no harm, while the same key would bring a stored refusal back. */
	result = stripe_call(stripe, site, "POST", path, form, key, &answer, problem);
	read.date = answer.date;
	if (result == RESULT_OK && stripe_subscription_decode(json_at(answer.object,
	    "/parent/subscription_details/subscription"), &read.snapshot))
		*subscription = read;
	else if (result == RESULT_OK)
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

enum result stripe_subscription_void_invoice(struct stripe *stripe, const struct site *site,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "expand[]", "parent.subscription_details.subscription");
	result = stripe_path(path, "/v1/invoices/", subscription->snapshot.latest_invoice, "/void") ?
	    void_call(stripe, site, path, form, subscription, problem) : stripe_unexpected(problem);
	form_free(form);
	return result;
}

enum result stripe_subscription_pause(struct stripe *stripe, const struct site *site,
    const char *id, const char *idempotency_key, struct stripe_subscription *subscription,
    struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "type", "subscription");
	/* Stripe would credit what is left of the period, which a resumption gives back. */
	form_add(form, "bill_for[unused_time_from][type]", "none");
	return send_form(stripe, site, "POST", id, "/pause", form, idempotency_key, subscription,
	    problem);
}

enum result stripe_subscription_resume(struct stripe *stripe, const struct site *site,
    const char *id, bool same_period, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "payment_behavior", "resume_on_payment_success");
	form_add(form, "billing_cycle_anchor[type]", same_period ? "unchanged" : NULL);
	form_add(form, "proration_behavior", same_period ? "none" : NULL);
	return send_form(stripe, site, "POST", id, "/resume", form, idempotency_key, subscription,
	    problem);
}
