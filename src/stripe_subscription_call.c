#include "stripe_subscription.h"

#include <json-c/json.h>
#include <string.h>

#include "json_read.h"

#define INVOICE "/latest_invoice"
#define PENDING_ITEM "/pending_update/subscription_items/0"
#define METHOD "/default_payment_method"

/* A payment that is due comes before a payment method for later. */
static bool confirmation_decode(struct json_object *object, struct stripe_subscription *read)
{
	static const struct {
		const char *at;
		enum confirmation confirmation;
	} secrets[] = {
		{ INVOICE "/confirmation_secret/client_secret", CONFIRM_PAYMENT },
		{ "/pending_setup_intent/client_secret", CONFIRM_SETUP },
	};
	bool due = json_text_is(object, INVOICE "/status", "open");
	size_t i;

	for (i = due ? 0 : 1; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		if (json_text(object, secrets[i].at) == NULL)
			continue;
		read->confirmation = secrets[i].confirmation;
		return json_copy_text(object, secrets[i].at, read->client_secret,
		    sizeof(read->client_secret));
	}
	return true;
}

static bool pending_decode(struct json_object *object, struct stripe_subscription *read)
{
	read->pending_quantity = json_integer(object, PENDING_ITEM "/quantity");
	return json_copy_id(object, PENDING_ITEM "/price", read->pending_price,
	    sizeof(read->pending_price));
}

/* Stripe charges the subscription's own before the customer's. */
static bool method_decode(struct json_object *object, struct stripe_subscription *read)
{
	const char *at = json_at(object, METHOD) != NULL ? METHOD "/type" :
	    "/customer/invoice_settings" METHOD "/type";

	return json_copy_text(object, at, read->method_type, sizeof(read->method_type));
}

static bool decode(struct json_object *object, struct stripe_subscription *subscription)
{
	struct stripe_subscription read = { 0 };

	if (!stripe_subscription_decode(object, &read.snapshot) || !confirmation_decode(object, &read) ||
	    !pending_decode(object, &read) || !method_decode(object, &read) ||
	    !json_copy_text(object, INVOICE "/status", read.invoice_status, sizeof(read.invoice_status)))
		return false;
	if (!json_copy_text(object, "/metadata/tollgate_order", read.order, sizeof(read.order)))
		read.order[0] = '\0'; /* not one of ours */
	read.amount_due = json_integer(object, INVOICE "/amount_due");
	*subscription = read;
	return true;
}

static enum result subscription_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
	    "There is no such subscription.");
}

enum result stripe_subscription_call(struct stripe *stripe, const struct site *site,
    const char *method, const char *id, const char *tail, struct form *form,
    const char *idempotency_key, struct stripe_subscription *subscription, struct problem *problem)
{
	char path[STRIPE_PATH_SIZE] = "/v1/subscriptions";
	struct stripe_answer answer = { 0 };
	enum result result;

	if (id != NULL && !stripe_path(path, "/v1/subscriptions/", id, tail))
		return subscription_unknown(problem);
	form_add(form, "expand[]", "latest_invoice.confirmation_secret");
	form_add(form, "expand[]", "pending_setup_intent");
	result = stripe_call(stripe, site, method, path, form, idempotency_key, &answer, problem);
	if (result == RESULT_OK && decode(answer.object, subscription))
		subscription->date = answer.date;
	else if (result == RESULT_OK)
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

static void add_items(struct form *form, const struct stripe_subscription_params *params)
{
	form_add(form, "items[0][price]", params->price);
	form_add_int(form, "items[0][quantity]", params->quantity);
	form_add(form, "currency", params->currency);
	form_add(form, "add_invoice_items[0][price]", params->setup_price);
	form_add(form, "discounts[0][promotion_code]", params->promotion_code);
}

/* Who has confirmed no card by the end is not sent an invoice, which would be overdue only. */
static void add_trial(struct form *form, const struct plan *plan)
{
	bool pauses = plan->trial_without_card && plan->trial_end == TRIAL_END_PAUSE;

	if (plan->trial_days == 0)
		return;
	form_add_int(form, "trial_period_days", plan->trial_days);
	form_add(form, "trial_settings[end_behavior][missing_payment_method]", pauses ? "pause" : "cancel");
	form_add(form, "metadata[tollgate_trial]", plan->trial_without_card ? STRIPE_TRIAL_WITHOUT_CARD : NULL);
}

static void encode(struct form *form, const struct site *site,
    const struct stripe_subscription_params *params)
{
	form_add(form, "customer", params->customer);
	add_items(form, params);
	add_trial(form, params->plan);
	form_add(form, "payment_behavior", "default_incomplete");
	form_add(form, "payment_settings[save_default_payment_method]", "on_subscription");
	form_add(form, "billing_mode[type]", "flexible");
	if (site->automatic_tax)
		form_add_bool(form, "automatic_tax[enabled]", true);
	form_add(form, "metadata[tollgate_user]", params->user);
	form_add(form, "metadata[tollgate_site]", site->name);
	form_add(form, "metadata[tollgate_order]", params->order);
}

bool stripe_subscription_digest(char digest[STRIPE_DIGEST_SIZE], const struct site *site,
    const struct stripe_subscription_params *params)
{
	struct form *form = form_new();
	bool done;

	if (form == NULL)
		return false;
	encode(form, site, params);
	done = stripe_form_digest(digest, form);
	form_free(form);
	return done;
}

enum result stripe_subscription_create(struct stripe *stripe, const struct site *site,
    const struct stripe_subscription_params *params, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	encode(form, site, params);
	result = stripe_subscription_call(stripe, site, "POST", NULL, NULL, form, idempotency_key,
	    subscription, problem);
	form_free(form);
	return result;
}

enum result stripe_subscription_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_subscription *subscription, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	result = stripe_subscription_call(stripe, site, "GET", id, NULL, form, NULL, subscription,
	    problem);
	if (result == RESULT_NOT_FOUND)
		result = subscription_unknown(problem);
	form_free(form);
	return result;
}
