#include "stripe_subscription_list.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "stripe_invoice.h"
#include "stripe_subscription.h"

#define PAGE "100"
#define SUBSCRIPTIONS "/v1/subscriptions"

/* What Stripe refuses it refuses each time, such as a key without this permission:
 * that must not keep the subscriptions from being read. All else may pass. */
static enum result unless_refused(enum result result, const struct problem *problem)
{
	bool refused = result == RESULT_INVALID || result == RESULT_NOT_FOUND
	    || (result == RESULT_UPSTREAM && strcmp(problem->code, "stripe_refused") == 0);

	return refused ? RESULT_OK : result;
}

static enum result first_invoice_judge(struct stripe *stripe, const struct site *site,
    struct json_object *invoice, enum first_payment *state, struct problem *problem)
{
	enum first_payment said = *state;
	enum result result;

	if (json_text_is(invoice, "/status", "paid")) {
		*state = FIRST_PAYMENT_PAID;
		return RESULT_OK;
	}
	if (json_text_is(invoice, "/status", "draft") || json_text_is(invoice, "/status", "void"))
		return RESULT_OK;
	result = unless_refused(stripe_invoice_payments(stripe, site, json_text(invoice, "/id"), &said,
	    problem), problem);
	/* What a browser confirmed is no attempt of the invoice; and what nobody tried has not failed. */
	if (result == RESULT_OK && (said != FIRST_PAYMENT_FAILED || json_truth(invoice, "/attempted")))
		*state = said;
	return result;
}

/* It stands behind that of a change of plan, or of the present period. */
static enum result first_invoice_read(struct stripe *stripe, const struct site *site,
    const struct subscription *subscription, enum first_payment *state, struct problem *problem)
{
	struct json_object *invoice = NULL;
	enum result result = unless_refused(stripe_invoice_first(stripe, site, subscription, &invoice,
	    problem), problem);

	if (result == RESULT_OK && invoice)
		result = first_invoice_judge(stripe, site, invoice, state, problem);
	json_object_put(invoice);
	return result;
}

/* One that was canceled may have been active before its debit was through, unless
 * it lived for so long that this was settled. */
static bool first_payment_matters(const struct subscription *subscription, bool first)
{
	if (subscription->send_invoice)
		return false;
	if (subscription->status == SUBSCRIPTION_CANCELED)
		return first || subscription_debit_may_run(subscription, subscription->ended_at);
	return subscription->status == SUBSCRIPTION_ACTIVE;
}

/* Stripe keeps a subscription active while its first bank debit is under way,
 * and when that has failed. A paid renewal settles the question for good. */
static enum result first_payment_read(struct stripe *stripe, const struct site *site,
    struct json_object *object, struct stripe_listed_subscription *listed, struct problem *problem)
{
	const struct subscription *subscription = &listed->snapshot;
	struct json_object *invoice = json_at(object, "/latest_invoice");
	bool first = json_text_is(invoice, "/billing_reason", "subscription_create");
	bool renewal = json_text_is(invoice, "/billing_reason", "subscription_cycle");

	if ((first || renewal) && json_text_is(invoice, "/status", "paid")) {
		listed->first_payment = FIRST_PAYMENT_PAID;
		return RESULT_OK;
	}
	if (!first_payment_matters(subscription, first))
		return RESULT_OK;
	if (first)
		return first_invoice_judge(stripe, site, invoice, &listed->first_payment, problem);
	if (subscription->trial_end)
		return RESULT_OK;
	return first_invoice_read(stripe, site, subscription, &listed->first_payment, problem);
}

static enum result past_due_read(struct stripe *stripe, const struct site *site,
    struct stripe_listed_subscription *listed, struct problem *problem)
{
	if (listed->snapshot.status != SUBSCRIPTION_PAST_DUE)
		return RESULT_OK;
	return unless_refused(stripe_invoice_open_since(stripe, site, listed->snapshot.id,
	    &listed->past_due_since, problem), problem);
}

/* Another page of items, laid behind those that the object has. */
static enum result items_page(struct stripe *stripe, const struct site *site,
    struct json_object *object, bool *more, struct problem *problem)
{
	struct json_object *items = json_at(object, "/items/data");
	size_t count = json_length(items);
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	struct json_object *data;
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "subscription", json_text(object, "/id"));
	form_add(form, "limit", PAGE);
	form_add(form, "starting_after",
	    count ? json_text(json_object_array_get_idx(items, count - 1), "/id") : NULL);
	result = stripe_list(stripe, site, "/v1/subscription_items", form, &answer, problem);
	data = json_at(answer.object, "/data");
	for (size_t i = 0; result == RESULT_OK && i < json_length(data); i++) {
		if (!json_append(items, json_object_get(json_object_array_get_idx(data, i))))
			result = problem_memory(problem);
	}
	*more = result == RESULT_OK && json_length(data) && json_truth(answer.object, "/has_more");
	json_object_put(answer.object);
	form_free(form);
	return result;
}

static enum result items_complete(struct stripe *stripe, const struct site *site,
    struct json_object *object, struct problem *problem)
{
	bool more = json_truth(object, "/items/has_more");
	enum result result = RESULT_OK;

	if (!more)
		return RESULT_OK;
	if (!json_object_is_type(json_at(object, "/items/data"), json_type_array))
		return stripe_unexpected(problem);
	while (more && result == RESULT_OK)
		result = items_page(stripe, site, object, &more, problem);
	if (result == RESULT_OK && !json_add_truth(json_at(object, "/items"), "has_more", false))
		result = problem_memory(problem);
	return result;
}

static bool list_grow(struct stripe_subscription_list *list, size_t more)
{
	void *data = reallocarray(list->data, list->count + more + 1, sizeof(*list->data));

	if (!data)
		return false;
	list->data = data;
	return true;
}

/* Of what has ended unpaid one is enough to know: each costs a call. */
static bool has_defaulted(const struct stripe_subscription_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct stripe_listed_subscription *listed = &list->data[i];

		if (listed->snapshot.status == SUBSCRIPTION_CANCELED
		    && (listed->first_payment == FIRST_PAYMENT_FAILED
		    || listed->first_payment == FIRST_PAYMENT_PROCESSING))
			return true;
	}
	return false;
}

/* Onto the end of the list, where there is room. */
static enum result subscription_read(struct stripe *stripe, const struct site *site,
    struct json_object *object, struct stripe_subscription_list *list, struct problem *problem)
{
	struct stripe_listed_subscription *listed = &list->data[list->count];
	const char *reason = json_text(object, "/cancellation_details/reason");
	enum result result = items_complete(stripe, site, object, problem);

	if (result != RESULT_OK)
		return result;
	memset(listed, 0, sizeof(*listed));
	if (!stripe_subscription_decode(object, &listed->snapshot))
		return stripe_unexpected(problem);
	if (reason && strlen(reason) < sizeof(listed->reason))
		strcpy(listed->reason, reason);
	if (!list->customer.id[0])
		stripe_customer_decode(json_at(object, "/customer"), site, &list->customer);
	listed->has_payment_method = json_id(object, "/default_payment_method")
	    || json_id(object, "/default_source") || list->customer.has_payment_method;
	if (listed->snapshot.status != SUBSCRIPTION_CANCELED || !has_defaulted(list))
		result = first_payment_read(stripe, site, object, listed, problem);
	if (result == RESULT_OK)
		result = past_due_read(stripe, site, listed, problem);
	if (result == RESULT_OK)
		list->count++;
	return result;
}

static enum result page_read(struct stripe *stripe, const struct site *site,
    struct json_object *data, struct stripe_subscription_list *list, struct problem *problem)
{
	enum result result = RESULT_OK;

	if (!list_grow(list, json_length(data)))
		return problem_memory(problem);
	for (size_t i = 0; i < json_length(data) && result == RESULT_OK; i++)
		result = subscription_read(stripe, site, json_object_array_get_idx(data, i), list, problem);
	return result;
}

/* The page behind what is listed already; *more tells of another one. */
static enum result page_call(struct stripe *stripe, const struct site *site, const char *customer,
    struct stripe_subscription_list *list, bool *more, struct problem *problem)
{
	const char *last = list->count ? list->data[list->count - 1].snapshot.id : NULL;
	size_t before = list->count;
	struct form *form = form_new();
	struct stripe_answer answer = { 0 };
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "customer", customer);
	form_add(form, "status", "all");
	form_add(form, "limit", PAGE);
	form_add(form, "expand[]", "data.customer");
	form_add(form, "expand[]", "data.latest_invoice");
	form_add(form, "starting_after", last);
	result = stripe_list(stripe, site, SUBSCRIPTIONS, form, &answer, problem);
	if (result == RESULT_OK && !last)
		list->date = answer.date;
	if (result == RESULT_OK)
		result = page_read(stripe, site, json_at(answer.object, "/data"), list, problem);
	*more = json_truth(answer.object, "/has_more") && list->count > before;
	json_object_put(answer.object);
	form_free(form);
	return result;
}

/* A list by a customer whom Stripe does not know is refused as a parameter. */
static enum result judge_missing(enum result result, struct problem *problem)
{
	if (result == RESULT_INVALID && strcmp(problem->code, "resource_missing") == 0)
		problem->result = result = RESULT_NOT_FOUND;
	return result;
}

enum result stripe_subscription_list(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_subscription_list *list, struct problem *problem)
{
	struct stripe_subscription_list read = { 0 };
	enum result result;
	bool more = false;

	do {
		result = judge_missing(page_call(stripe, site, customer, &read, &more, problem), problem);
	} while (result == RESULT_OK && more);
	if (result == RESULT_OK && !read.customer.id[0])
		result = stripe_customer_retrieve(stripe, site, customer, &read.customer, problem);
	if (result == RESULT_OK)
		*list = read;
	else
		stripe_subscription_list_free(&read);
	return result;
}

void stripe_subscription_list_free(struct stripe_subscription_list *list)
{
	free(list->data);
	*list = (struct stripe_subscription_list){ 0 };
}

static enum result not_hers(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", NULL,
	    "There is no such subscription.");
}

enum result stripe_subscription_list_add(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_subscription_list *list, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (!form || !list_grow(list, 1)) {
		form_free(form);
		return problem_memory(problem);
	}
	form_add(form, "expand[]", "latest_invoice");
	if (!stripe_path(path, SUBSCRIPTIONS "/", id, NULL))
		result = not_hers(problem);
	else
		result = stripe_call(stripe, site, "GET", path, form, NULL, &answer, problem);
	if (result == RESULT_OK && !json_text_is(answer.object, "/customer", list->customer.id))
		result = not_hers(problem);
	if (result == RESULT_OK)
		result = subscription_read(stripe, site, answer.object, list, problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

static enum result customers_decode(struct json_object *data, char last[STRIPE_ID_SIZE],
    char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count, struct problem *problem)
{
	size_t n = 0;

	for (size_t i = 0; i < json_length(data) && i < STRIPE_PAGE; i++) {
		struct json_object *subscription = json_object_array_get_idx(data, i);

		if (!json_copy_text(subscription, "/id", last, STRIPE_ID_SIZE)
		    || !json_copy_id(subscription, "/customer", customers[n], STRIPE_ID_SIZE))
			return stripe_unexpected(problem);
		n += customers[n][0] != '\0';
	}
	*count = n;
	return RESULT_OK;
}

enum result stripe_subscription_customers(struct stripe *stripe, const struct site *site,
    char last[STRIPE_ID_SIZE], char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "status", "all");
	form_add(form, "limit", PAGE);
	form_add(form, "starting_after", last[0] ? last : NULL);
	result = stripe_list(stripe, site, SUBSCRIPTIONS, form, &answer, problem);
	if (result == RESULT_OK)
		result = customers_decode(json_at(answer.object, "/data"), last, customers, count, problem);
	if (result == RESULT_OK && (!json_truth(answer.object, "/has_more") || *count == 0))
		last[0] = '\0';
	json_object_put(answer.object);
	form_free(form);
	return result;
}
