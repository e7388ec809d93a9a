/* create-subscription, subscriptions: what a visitor buys in the site's own form, and has. */
#include <json-c/json.h>
#include <stdlib.h>

#include "billing_customer.h"
#include "billing_subscribe.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

static enum result read_wanted(const struct request *request, struct subscribe_wanted *wanted,
    struct problem *problem)
{
	enum result result;

	*wanted = (struct subscribe_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	result = input_purchase(request, &wanted->purchase, problem);
	if (result == RESULT_OK)
		result = request_field(request, "customerId", STRIPE_ID_MAX, &wanted->purchase.customer,
		    problem);
	return result;
}

static struct json_object *view_created(const struct stripe_subscription *subscription)
{
	static const char *const types[] = {
		[CONFIRM_NOTHING] = "none",
		[CONFIRM_PAYMENT] = "payment",
		[CONFIRM_SETUP] = "setup",
	};
	struct json_object *object = json_object_new_object();

	json_add_text(object, "subscriptionId", subscription->snapshot.id);
	json_add_text_or_null(object, "clientSecret", subscription->client_secret);
	json_add_text(object, "type", types[subscription->confirmation]);
	json_add_text(object, "status", subscription_status_str(subscription->snapshot.status));
	return object;
}

enum result endpoint_create_subscription(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_subscription subscription;
	struct subscribe_wanted wanted;
	enum result result;

	result = read_wanted(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_subscribe(&billing, &wanted, &subscription, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_created(&subscription));
	return result;
}

static int newest_first(const void *a, const void *b)
{
	const struct subscription_record *left = a, *right = b;

	return (left->snapshot.created < right->snapshot.created) -
	    (left->snapshot.created > right->snapshot.created);
}

static struct json_object *view_list(const struct site *site, const struct store_user *user,
    const struct view_catalogue *catalogue)
{
	struct json_object *data = json_object_new_array(), *list = json_object_new_object(),
	    *object = json_object_new_object();
	size_t i;

	if (user->n_records > 1)
		qsort(user->records, user->n_records, sizeof(*user->records), newest_first);
	for (i = 0; i < user->n_records; i++)
		json_append(data,
		    view_subscription(site, &user->records[i].snapshot, catalogue));
	json_add(list, "data", data);
	json_add(object, "subscriptions", list);
	return object;
}

enum result endpoint_subscriptions(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct view_catalogue catalogue = { 0 };
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(&billing, &user, problem);
	if (result == RESULT_OK && store_prices_read(worker->store, request->site, &catalogue.prices,
	    &catalogue.count) != RESULT_OK)
		result = problem_store(problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_list(request->site, &user, &catalogue));
	free(catalogue.prices);
	store_user_free(&user);
	return result;
}
