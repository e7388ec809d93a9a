#include "stripe_invoice.h"

#include <json-c/json.h>
#include <string.h>

#include "json_read.h"
#include "stripe_subscription.h"

#define PAGE "100"
#define FIRST_WITHIN 3600 /* seconds */
#define SUBSCRIPTION "/parent/subscription_details/subscription"

/* Of more items than these we have not been told: they may be metered. */
static bool has_metered_item(struct json_object *subscription)
{
	struct json_object *items = json_at(subscription, "/items/data");

	for (size_t i = 0; i < json_length(items); i++) {
		if (json_text_is(json_object_array_get_idx(items, i), "/price/recurring/usage_type", "metered"))
			return true;
	}
	return json_truth(subscription, "/items/has_more");
}

static bool invoice_decode(struct json_object *object, struct stripe_invoice *invoice)
{
	struct json_object *subscription = json_at(object, SUBSCRIPTION);
	struct stripe_invoice read = { 0 };

	if (!json_copy_text(object, "/id", read.id, sizeof(read.id)) || !read.id[0]
	    || !json_copy_id(object, "/customer", read.customer, sizeof(read.customer)))
		return false;
	read.draft = json_text_is(object, "/status", "draft");
	read.auto_advance = json_truth(object, "/auto_advance");
	read.tax_failed = json_text_is(object, "/automatic_tax/status", "failed");
	read.has_subscription = json_object_is_type(subscription, json_type_object);
	if (read.has_subscription) {
		read.status = subscription_status_parse(json_text(subscription, "/status"));
		read.pause_collection = stripe_pause_decode(subscription);
		read.metered = has_metered_item(subscription);
	}
	*invoice = read;
	return true;
}

static enum result invoice_call(struct stripe *stripe, const struct site *site, const char *id,
    const char *idempotency_key, struct stripe_invoice *invoice, struct problem *problem)
{
	bool finalize = idempotency_key != NULL;
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "expand[]", "parent.subscription_details.subscription");
	if (!stripe_path(path, "/v1/invoices/", id, finalize ? "/finalize" : NULL))
		result = problem_set(problem, RESULT_NOT_FOUND, "invoice_unknown", NULL, "No such invoice.");
	else
		result = stripe_call(stripe, site, finalize ? "POST" : "GET", path, form, idempotency_key,
		    &answer, problem);
	if (result == RESULT_OK && !invoice_decode(answer.object, invoice))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

enum result stripe_invoice_retrieve(struct stripe *stripe, const struct site *site, const char *id,
    struct stripe_invoice *invoice, struct problem *problem)
{
	return invoice_call(stripe, site, id, NULL, invoice, problem);
}

enum result stripe_invoice_finalize(struct stripe *stripe, const struct site *site, const char *id,
    const char *idempotency_key, struct stripe_invoice *invoice, struct problem *problem)
{
	return invoice_call(stripe, site, id, idempotency_key, invoice, problem);
}

static int64_t due_since(struct json_object *invoice)
{
	if (json_text_is(invoice, "/collection_method", "send_invoice"))
		return json_integer(invoice, "/due_date");
	return json_integer(invoice, "/status_transitions/finalized_at");
}

/* A page of a subscription's invoices; of any status and from the newest on, if those are NULL.
 * The caller's: answer->object. */
static enum result invoices_page(struct stripe *stripe, const struct site *site,
    const char *subscription, const char *status, const char *after, struct stripe_answer *answer,
    struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "subscription", subscription);
	form_add(form, "status", status);
	form_add(form, "limit", PAGE);
	form_add(form, "starting_after", after);
	result = stripe_list(stripe, site, "/v1/invoices", form, answer, problem);
	form_free(form);
	return result;
}

/* The page behind `last`, which moves on; *more tells of another one. */
static enum result open_page(struct stripe *stripe, const struct site *site,
    const char *subscription, char last[STRIPE_ID_SIZE], int64_t *since, bool *more,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	enum result result = invoices_page(stripe, site, subscription, "open", last[0] ? last : NULL,
	    &answer, problem);
	struct json_object *data = json_at(answer.object, "/data");

	for (size_t i = 0; i < json_length(data); i++) {
		struct json_object *invoice = json_object_array_get_idx(data, i);
		int64_t begins = due_since(invoice);

		if (begins && (!*since || begins < *since))
			*since = begins;
		if (!json_copy_text(invoice, "/id", last, STRIPE_ID_SIZE))
			result = stripe_unexpected(problem);
	}
	*more = result == RESULT_OK && json_length(data) && json_truth(answer.object, "/has_more");
	json_object_put(answer.object);
	return result;
}

enum result stripe_invoice_open_since(struct stripe *stripe, const struct site *site,
    const char *subscription, int64_t *since, struct problem *problem)
{
	char last[STRIPE_ID_SIZE] = "";
	int64_t oldest = 0;
	enum result result;
	bool more = false;

	do {
		result = open_page(stripe, site, subscription, last, &oldest, &more, problem);
	} while (result == RESULT_OK && more);
	if (result == RESULT_OK)
		*since = oldest;
	return result;
}

/* Of more lines than Stripe lists here we have not been told. */
static bool is_for_the_past(struct json_object *invoice, int64_t now)
{
	struct json_object *lines = json_at(invoice, "/lines/data");

	for (size_t i = 0; i < json_length(lines); i++) {
		if (json_integer(json_object_array_get_idx(lines, i), "/period/end") > now)
			return false;
	}
	return !json_truth(invoice, "/lines/has_more");
}

/* A draft that comes to nothing now because of a credit may come to something once that is
 * spent: what counts is the total. */
static bool is_owed(struct json_object *invoice, const char *waiting, int64_t now)
{
	if (json_integer(invoice, "/total") <= 0 || json_text_is(invoice, "/id", waiting))
		return false;
	if (json_text_is(invoice, "/status", "open"))
		return true;
	return (json_text_is(invoice, "/status", "draft")
	    || json_text_is(invoice, "/status", "uncollectible")) && !is_for_the_past(invoice, now);
}

/* A page is enough: from its first unpaid invoice on there are no changes, which make more. */
enum result stripe_invoice_owed(struct stripe *stripe, const struct site *site,
    const char *subscription, const char *waiting, int64_t now, bool *owed, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	enum result result = invoices_page(stripe, site, subscription, NULL, NULL, &answer, problem);
	struct json_object *data = json_at(answer.object, "/data");

	if (result == RESULT_OK)
		*owed = false;
	for (size_t i = 0; i < json_length(data) && result == RESULT_OK && !*owed; i++)
		*owed = is_owed(json_object_array_get_idx(data, i), waiting, now);
	json_object_put(answer.object);
	return result;
}

/* Made together with the subscription, while its others come with periods and changes. */
enum result stripe_invoice_first(struct stripe *stripe, const struct site *site,
    const struct subscription *subscription, struct json_object **invoice, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	struct json_object *data;
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "subscription", subscription->id);
	form_add_int(form, "created[lte]", subscription->created + FIRST_WITHIN);
	form_add(form, "limit", PAGE);
	result = stripe_list(stripe, site, "/v1/invoices", form, &answer, problem);
	data = json_at(answer.object, "/data");
	*invoice = NULL;
	for (size_t i = 0; i < json_length(data) && !*invoice; i++) {
		struct json_object *listed = json_object_array_get_idx(data, i);

		if (json_text_is(listed, "/billing_reason", "subscription_create"))
			*invoice = json_object_get(listed);
	}
	json_object_put(answer.object);
	form_free(form);
	return result;
}

static enum first_payment payments_state(struct json_object *payments)
{
	enum first_payment state = FIRST_PAYMENT_FAILED;

	for (size_t i = 0; i < json_length(payments); i++) {
		struct json_object *payment = json_object_array_get_idx(payments, i);

		if (json_text_is(payment, "/payment/payment_intent/status", "succeeded"))
			return FIRST_PAYMENT_PAID;
		if (json_text_is(payment, "/payment/payment_intent/status", "processing"))
			state = FIRST_PAYMENT_PROCESSING;
	}
	return state;
}

enum result stripe_invoice_payments(struct stripe *stripe, const struct site *site,
    const char *invoice, enum first_payment *state, struct problem *problem)
{
	struct form *form = form_new();
	struct stripe_answer answer = { 0 };
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "invoice", invoice);
	form_add(form, "limit", PAGE);
	form_add(form, "expand[]", "data.payment.payment_intent");
	result = stripe_list(stripe, site, "/v1/invoice_payments", form, &answer, problem);
	if (result == RESULT_OK)
		*state = payments_state(json_at(answer.object, "/data"));
	json_object_put(answer.object);
	form_free(form);
	return result;
}
