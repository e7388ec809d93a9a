#include "billing_portal.h"

#include <string.h>

#include "billing_customer.h"
#include "billing_limit.h"
#include "billing_plan.h"
#include "hex.h"
#include "strbuf.h"

static const struct {
	bool subscription;
	bool price;
} flow_needs[] = {
	[PORTAL_HOME] = { false, false },
	[PORTAL_PAYMENT_METHOD_UPDATE] = { false, false },
	[PORTAL_CUSTOMER_UPDATE] = { false, false },
	[PORTAL_SUBSCRIPTION_CANCEL] = { true, false },
	[PORTAL_SUBSCRIPTION_PAUSE] = { true, false },
	[PORTAL_SUBSCRIPTION_UPDATE] = { true, false },
	[PORTAL_SUBSCRIPTION_UPDATE_CONFIRM] = { true, true },
};

/* The named one, or the only one that is not over. NULL when there is no such. */
static const struct subscription *find_subscription(const struct store_user *user, const char *id)
{
	const struct subscription *found = NULL;
	size_t i;

	for (i = 0; i < user->n_records; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		if (id != NULL && strcmp(snapshot->id, id) == 0)
			return snapshot;
		if (id != NULL || !subscription_live(snapshot->status))
			continue;
		if (found != NULL)
			return NULL;
		found = snapshot;
	}
	return found;
}

/* Whose subscriptions the portal is to show: a customer with a live one before one without. */
static const char *portal_customer(const struct store_user *user)
{
	size_t i;

	for (i = 0; i < user->n_records; i++)
		if (subscription_live(user->records[i].snapshot.status))
			return user->records[i].snapshot.customer;
	return user->n_customers > 0 ? user->customers[0] : NULL;
}

static enum result fill_subscription(const struct store_user *user,
    const struct portal_wanted *wanted, struct stripe_portal_params *params,
    struct problem *problem)
{
	const struct subscription *subscription = find_subscription(user, wanted->subscription);

	if (subscription == NULL && wanted->subscription == NULL)
		return problem_set(problem, RESULT_INVALID, "parameter_missing", "subscriptionId",
		    "Name the subscription.");
	if (subscription == NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
		    "There is no such subscription.");
	params->customer = subscription->customer;
	params->subscription = subscription->id;
	if (!flow_needs[wanted->flow].price)
		return RESULT_OK;
	if (subscription->n_items != 1)
		return problem_set(problem, RESULT_CONFLICT, "several_items", "subscriptionId",
		    "A subscription of several items is changed in the portal itself.");
	params->item = subscription->items[0].id;
	params->quantity = subscription->items[0].quantity;
	return RESULT_OK;
}

static enum result fill_price(const struct billing *billing, const struct portal_wanted *wanted,
    struct plan_choice *choice, struct stripe_portal_params *params, struct problem *problem)
{
	enum result result;

	if (wanted->new_price == NULL)
		return problem_set(problem, RESULT_INVALID, "parameter_missing", "newPriceId",
		    "Name the new price.");
	result = billing_plan_choose(billing, &(struct plan_wanted){ .price_id = wanted->new_price },
	    choice, problem);
	if (result == RESULT_INVALID)
		return problem_set(problem, RESULT_INVALID, "price_not_in_plans", "newPriceId",
		    "No plan of this site has this price.");
	params->price = choice->price.id;
	return result;
}

/* The portal's configuration at Stripe decides which flows there are. */
static enum result translate_refusal(struct problem *problem)
{
	char message[sizeof(problem->message)];

	memcpy(message, problem->message, sizeof(message));
	if (strncmp(problem->param, "flow_data", strlen("flow_data")) == 0)
		return problem_set(problem, RESULT_INVALID, "flow_unavailable", "flow", "%s", message);
	return stripe_refused(problem);
}

static enum result open_session(const struct billing *billing,
    const struct stripe_portal_params *params, char **url, struct problem *problem)
{
	char once[HEX_RANDOM_SIZE], key[STRIPE_DIGEST_SIZE];
	enum result result = billing_limit_take(billing, problem);

	if (result != RESULT_OK)
		return result;
	/* A portal session is short-lived and costs nothing: each request makes its own. */
	if (!hex_random(once) || !stripe_digest(key, billing->site->name, "customer-portal", once, NULL))
		return problem_memory(problem);
	result = stripe_portal_session_create(billing->stripe, billing->site, params, key, url, problem);
	return result == RESULT_INVALID ? translate_refusal(problem) : result;
}

static enum result fill_flow(const struct billing *billing, const struct portal_wanted *wanted,
    const struct store_user *user, struct plan_choice *choice,
    struct stripe_portal_params *params, struct problem *problem)
{
	enum result result = RESULT_OK;

	params->flow = wanted->flow;
	params->customer = portal_customer(user);
	if (params->customer == NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "customer_missing", NULL,
		    "There is nothing to manage: this user has never bought anything.");
	if (flow_needs[wanted->flow].subscription || wanted->subscription != NULL)
		result = fill_subscription(user, wanted, params, problem);
	if (result == RESULT_OK && !flow_needs[wanted->flow].subscription)
		params->subscription = NULL; /* it named the customer; Stripe takes none here */
	if (result == RESULT_OK && flow_needs[wanted->flow].price)
		result = fill_price(billing, wanted, choice, params, problem);
	return result;
}

enum result billing_portal_open(const struct billing *billing, const struct portal_wanted *wanted,
    char **url, struct problem *problem)
{
	struct stripe_portal_params params = { 0 };
	struct strbuf return_url = STRBUF_INIT;
	struct store_user user = { 0 };
	struct plan_choice choice;
	enum result result;

	strbuf_append(&return_url, billing->site->origin);
	strbuf_append(&return_url, wanted->return_path != NULL ? wanted->return_path :
	    billing->site->portal_return_path);
	params.return_url = strbuf_text(&return_url);
	result = params.return_url != NULL ? RESULT_OK : problem_memory(problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = fill_flow(billing, wanted, &user, &choice, &params, problem);
	if (result == RESULT_OK)
		result = open_session(billing, &params, url, problem);
	store_user_free(&user);
	strbuf_free(&return_url);
	return result;
}
