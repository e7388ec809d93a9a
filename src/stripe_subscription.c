#include "stripe_subscription.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "log.h"

#define PAGE "100"

/* Before 2025-03-31.basil the period stood on the subscription. */
static bool item_decode(struct json_object *object, int64_t subscription_period_end,
    struct subscription_item *item)
{
	*item = (struct subscription_item){ 0 };
	item->quantity = json_integer(object, "/quantity");
	item->current_period_end = json_integer(object, "/current_period_end");
	if (!item->current_period_end)
		item->current_period_end = subscription_period_end;
	return json_copy_text(object, "/id", item->id, sizeof(item->id)) && item->id[0]
	    && json_copy_id(object, "/price", item->price, sizeof(item->price))
	    && json_copy_id(object, "/price/product", item->product, sizeof(item->product))
	    && json_copy_text(object, "/price/lookup_key", item->lookup_key, sizeof(item->lookup_key));
}

static size_t array_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* Stripe allows 20 items; of more, the first ones are what the gate will know. */
static bool items_decode(struct json_object *object, struct subscription *subscription)
{
	struct json_object *data = json_at(object, "/items/data");
	int64_t period_end = json_integer(object, "/current_period_end");
	size_t count = array_length(data);

	if (count > SUBSCRIPTION_ITEMS_MAX || json_truth(object, "/items/has_more")) {
		log_event(LOG_LEVEL_WARNING, "subscription has more items than are read",
		    "subscription", subscription->id, NULL);
		count = count < SUBSCRIPTION_ITEMS_MAX ? count : SUBSCRIPTION_ITEMS_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		if (!item_decode(json_object_array_get_idx(data, i), period_end, &subscription->items[i]))
			return false;
	}
	subscription->n_items = count;
	return true;
}

static enum pause_collection pause_decode(struct json_object *object)
{
	const char *behavior = json_text(object, "/pause_collection/behavior");

	if (!json_at(object, "/pause_collection"))
		return COLLECTION_RUNS;
	return behavior && behavior[0] ? pause_collection_parse(behavior) : COLLECTION_UNKNOWN;
}

static bool text_is(struct json_object *object, const char *pointer, const char *word)
{
	const char *text = json_text(object, pointer);

	return text && strcmp(text, word) == 0;
}

bool stripe_subscription_decode(struct json_object *object, struct subscription *subscription)
{
	struct subscription read = { 0 };

	if (!text_is(object, "/object", "subscription")
	    || !json_copy_text(object, "/id", read.id, sizeof(read.id)) || !read.id[0]
	    || !json_copy_id(object, "/customer", read.customer, sizeof(read.customer))
	    || !read.customer[0]
	    || !json_copy_id(object, "/latest_invoice", read.latest_invoice, sizeof(read.latest_invoice))
	    || !items_decode(object, &read))
		return false;
	read.status = subscription_status_parse(json_text(object, "/status"));
	read.pause_collection = pause_decode(object);
	read.send_invoice = text_is(object, "/collection_method", "send_invoice");
	read.cancel_at_period_end = json_truth(object, "/cancel_at_period_end");
	read.simulated = json_id(object, "/test_clock") != NULL;
	read.created = json_integer(object, "/created");
	read.trial_end = json_integer(object, "/trial_end");
	read.cancel_at = json_integer(object, "/cancel_at");
	read.ended_at = json_integer(object, "/ended_at");
	*subscription = read;
	return true;
}

/* False when out of memory. */
static bool lay_over(struct json_object *object, struct json_object *previous)
{
	json_object_object_foreach(previous, name, value) {
		struct json_object *present = NULL, *copy = NULL;

		json_object_object_get_ex(object, name, &present);
		if (json_object_is_type(value, json_type_object)
		    && json_object_is_type(present, json_type_object)) {
			if (!lay_over(present, value))
				return false;
			continue;
		}
		if (value && json_object_deep_copy(value, &copy, NULL) != 0)
			return false;
		if (json_object_object_add(object, name, copy) != 0)
			return false;
	}
	return true;
}

struct json_object *stripe_object_before(struct json_object *object, struct json_object *previous)
{
	struct json_object *before = NULL;

	if (json_object_deep_copy(object, &before, NULL) == 0
	    && (!json_object_is_type(previous, json_type_object) || lay_over(before, previous)))
		return before;
	json_object_put(before);
	return NULL;
}

/* What became of an open first invoice's payments. */
static enum first_payment payments_state(struct json_object *payments)
{
	enum first_payment state = FIRST_PAYMENT_FAILED;

	for (size_t i = 0; i < array_length(payments); i++) {
		struct json_object *payment = json_object_array_get_idx(payments, i);

		if (text_is(payment, "/payment/payment_intent/status", "succeeded"))
			return FIRST_PAYMENT_PAID;
		if (text_is(payment, "/payment/payment_intent/status", "processing"))
			state = FIRST_PAYMENT_PROCESSING;
	}
	return state;
}

/* Another try would do better; whatever else is wrong, such as a key without
 * this permission, must not keep the subscriptions from being read. */
static bool worth_reading_again(enum result result)
{
	return result == RESULT_RATE_LIMITED || result == RESULT_UNAVAILABLE
	    || result == RESULT_TIMEOUT || result == RESULT_INTERNAL;
}

static enum result payments_read(struct stripe *stripe, const struct site *site,
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
	result = stripe_call(stripe, site, "GET", "/v1/invoice_payments", form, NULL, &answer, problem);
	if (result == RESULT_OK)
		*state = payments_state(json_at(answer.object, "/data"));
	else if (!worth_reading_again(result))
		result = RESULT_OK;
	json_object_put(answer.object);
	form_free(form);
	return result;
}

/* Stripe keeps a subscription active while its first bank debit is under way,
 * and when that has failed. A paid renewal settles the question for good. */
static enum result first_payment_read(struct stripe *stripe, const struct site *site,
    struct json_object *object, const struct subscription *subscription,
    enum first_payment *state, struct problem *problem)
{
	struct json_object *invoice = json_at(object, "/latest_invoice");
	bool first = text_is(invoice, "/billing_reason", "subscription_create");

	*state = FIRST_PAYMENT_UNKNOWN;
	if (text_is(invoice, "/status", "paid")) {
		if (first || text_is(invoice, "/billing_reason", "subscription_cycle"))
			*state = FIRST_PAYMENT_PAID;
		return RESULT_OK;
	}
	if (!first || subscription->send_invoice || subscription->status != SUBSCRIPTION_ACTIVE
	    || !json_truth(invoice, "/attempted") || text_is(invoice, "/status", "void"))
		return RESULT_OK;
	return payments_read(stripe, site, subscription->latest_invoice, state, problem);
}

static bool list_grow(struct stripe_subscription_list *list, size_t more)
{
	size_t count = list->count + more + 1;
	struct subscription *data = realloc(list->data, count * sizeof(*data));
	enum first_payment *states;

	if (!data)
		return false;
	list->data = data;
	states = realloc(list->first_payment, count * sizeof(*states));
	if (!states)
		return false;
	list->first_payment = states;
	return true;
}

static enum result page_read(struct stripe *stripe, const struct site *site,
    struct json_object *data, struct stripe_subscription_list *list, struct problem *problem)
{
	size_t count = array_length(data);

	if (!list_grow(list, count))
		return problem_memory(problem);
	for (size_t i = 0; i < count; i++) {
		struct json_object *object = json_object_array_get_idx(data, i);
		struct subscription *subscription = &list->data[list->count];
		enum result result;

		if (!stripe_subscription_decode(object, subscription))
			return stripe_unexpected(problem);
		result = first_payment_read(stripe, site, object, subscription,
		    &list->first_payment[list->count], problem);
		if (result != RESULT_OK)
			return result;
		list->count++;
	}
	return RESULT_OK;
}

/* The page behind what is listed already; *more tells of another one. */
static enum result page_call(struct stripe *stripe, const struct site *site, const char *customer,
    struct stripe_subscription_list *list, bool *more, struct problem *problem)
{
	const char *last = list->count ? list->data[list->count - 1].id : NULL;
	size_t before = list->count;
	struct form *form = form_new();
	struct stripe_answer answer = { 0 };
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add(form, "customer", customer);
	form_add(form, "status", "all");
	form_add(form, "limit", PAGE);
	form_add(form, "expand[]", "data.latest_invoice");
	form_add(form, "starting_after", last);
	result = stripe_call(stripe, site, "GET", "/v1/subscriptions", form, NULL, &answer, problem);
	if (result == RESULT_OK && !last)
		list->date = answer.date;
	if (result == RESULT_OK)
		result = page_read(stripe, site, json_at(answer.object, "/data"), list, problem);
	*more = json_truth(answer.object, "/has_more") && list->count > before;
	json_object_put(answer.object);
	form_free(form);
	return result;
}

enum result stripe_subscription_list(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_subscription_list *list, struct problem *problem)
{
	struct stripe_subscription_list read = { 0 };
	enum result result;
	bool more;

	do {
		result = page_call(stripe, site, customer, &read, &more, problem);
	} while (result == RESULT_OK && more);
	if (result == RESULT_OK)
		*list = read;
	else
		stripe_subscription_list_free(&read);
	return result;
}

void stripe_subscription_list_free(struct stripe_subscription_list *list)
{
	free(list->data);
	free(list->first_payment);
	*list = (struct stripe_subscription_list){ 0 };
}
