#include "billing_invoice_list.h"

#include <json-c/json.h>
#include <string.h>

#include "billing_customer.h"
#include "json_read.h"
#include "json_write.h"
#include "stripe_invoice.h"
#include "stripe_invoice_list.h"

/* Where the list goes on: behind the invoice `last` of one of her customers. */
struct place {
	size_t customer;
	char last[STRIPE_ID_SIZE];
};

static enum result invoice_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "invoice_unknown", "starting_after",
	    "There is no such invoice.");
}

static enum result find_place(const struct billing *billing, const struct store_user *user,
    const char *after, struct place *place, struct problem *problem)
{
	struct stripe_invoice invoice;
	enum result result;

	if (after == NULL)
		return RESULT_OK;
	result = stripe_invoice_retrieve(billing->stripe, billing->site, after, &invoice, problem);
	if (result == RESULT_NOT_FOUND)
		return invoice_unknown(problem);
	while (result == RESULT_OK && place->customer < user->n_customers &&
	    strcmp(user->customers[place->customer], invoice.customer) != 0)
		place->customer++;
	if (result == RESULT_OK && place->customer == user->n_customers)
		return invoice_unknown(problem);
	memcpy(place->last, invoice.id, sizeof(place->last));
	return result;
}

static bool is_draft(struct json_object *invoice)
{
	const char *status = json_text(invoice, "/status");

	return status != NULL && strcmp(status, "draft") == 0;
}

/* What fits of a page; *more tells whether there is anything behind what was taken. */
static enum result take(struct json_object *page, int64_t limit, struct place *place,
    struct json_object *data, bool *more, struct problem *problem)
{
	struct json_object *found = json_at(page, "/data");
	size_t i, length = json_length(found);

	for (i = 0; i < length && json_object_array_length(data) < (size_t)limit; i++) {
		struct json_object *invoice = json_object_array_get_idx(found, i);

		if (!json_copy_text(invoice, "/id", place->last, sizeof(place->last)))
			return stripe_unexpected(problem);
		if (!is_draft(invoice) && !json_append(data, json_object_get(invoice)))
			return problem_memory(problem);
	}
	*more = i < length || (length > 0 && json_truth(page, "/has_more"));
	return RESULT_OK;
}

static enum result fill(const struct billing *billing, const struct store_user *user, int64_t limit,
    struct place *place, struct billing_invoice_list *list, struct problem *problem)
{
	enum result result = RESULT_OK;

	list->has_more = place->customer < user->n_customers;
	while (result == RESULT_OK && list->has_more &&
	    json_object_array_length(list->data) < (size_t)limit) {
		struct json_object *page = NULL;
		bool more = false;

		result = stripe_invoice_list(billing->stripe, billing->site,
		    user->customers[place->customer], limit, place->last, &page, problem);
		if (result == RESULT_OK)
			result = take(page, limit, place, list->data, &more, problem);
		json_object_put(page);
		if (!more) {
			place->customer++;
			place->last[0] = '\0';
		}
		list->has_more = place->customer < user->n_customers;
	}
	return result;
}

enum result billing_invoice_list(const struct billing *billing, int64_t limit, const char *after,
    struct billing_invoice_list *list, struct problem *problem)
{
	struct billing_invoice_list made = { .data = json_object_new_array() };
	struct store_user user = { 0 };
	struct place place = { 0 };
	enum result result;

	if (made.data == NULL)
		return problem_memory(problem);
	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = find_place(billing, &user, after, &place, problem);
	if (result == RESULT_OK)
		result = fill(billing, &user, limit, &place, &made, problem);
	store_user_free(&user);
	if (result == RESULT_OK)
		*list = made;
	else
		json_object_put(made.data);
	return result;
}
