#include "billing_subscribe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing_attempt.h"
#include "billing_checkout.h"
#include "billing_customer.h"
#include "billing_subscription.h"
#include "billing_sync.h"
#include "billing_waiting.h"
#include "log.h"

#define CREATE_SUBSCRIPTION "create-subscription"
#define CLICK_SECONDS 10 /* of a second click, which waited for the first */
#define REPLAY_SECONDS 5 /* an answer about something older is Stripe's stored one */

/* What is being made, and what tells it from another. */
struct order {
	const struct subscribe_wanted *wanted;
	struct purchase purchase;
	struct stripe_subscription_params params;
	char fingerprint[STRIPE_DIGEST_SIZE];
};

/* What she ordered, whoever of her customers pays and on whatever terms. */
static bool fingerprint_make(const struct site *site, struct order *order)
{
	struct stripe_subscription_params params = order->params;

	params.customer = NULL;
	params.order = NULL;
	return stripe_subscription_digest(order->fingerprint, site, &params);
}

static enum result order_open(const struct billing *billing, const struct subscribe_wanted *wanted,
    struct order *order, struct problem *problem)
{
	struct purchase *purchase = &order->purchase;
	const struct plan_choice *choice = &purchase->choice;
	enum result result;

	order->wanted = wanted;
	result = billing_purchase_open(billing, &wanted->purchase, purchase, problem);
	if (result != RESULT_OK)
		return result;
	order->params = (struct stripe_subscription_params){
		.plan = choice->plan,
		.user = billing->identity->user,
		.customer = purchase->customer,
		.price = choice->price.id,
		.setup_price = choice->setup_price[0] != '\0' ? choice->setup_price : NULL,
		.quantity = purchase->quantity,
		.currency = purchase->currency,
		.promotion_code = purchase->promotion_code[0] != '\0' ? purchase->promotion_code : NULL,
		.order = order->fingerprint,
	};
	return fingerprint_make(billing->site, order) ? RESULT_OK : problem_memory(problem);
}

/* Stripe would take a card for a trial that the plan gives without one. */
static void ask_for_no_card(const struct order *order, struct stripe_subscription *subscription)
{
	if (!order->params.plan->trial_without_card || subscription->confirmation != CONFIRM_SETUP ||
	    subscription->snapshot.status != SUBSCRIPTION_TRIALING)
		return;
	subscription->confirmation = CONFIRM_NOTHING;
	subscription->client_secret[0] = '\0';
}

/* Whether it stands in the way of the order, or may be its outcome. */
static bool matters(const struct site *site, const struct order *order,
    const struct subscription *earlier)
{
	bool same_product = billing_purchase_is_of(&order->purchase, earlier);

	if (earlier->status == SUBSCRIPTION_INCOMPLETE)
		return same_product || billing_waiting_is_sold_here(site, earlier);
	return subscription_live(earlier->status) && same_product;
}

/* Of just this order, and the caller has still to confirm it, or clicked twice. */
static bool is_outcome(const struct order *order, const struct stripe_subscription *earlier,
    int64_t now)
{
	if (strcmp(earlier->order, order->fingerprint) != 0)
		return false;
	switch (earlier->snapshot.status) {
	case SUBSCRIPTION_INCOMPLETE:
		return true;
	case SUBSCRIPTION_TRIALING:
	case SUBSCRIPTION_ACTIVE:
		if (earlier->confirmation == CONFIRM_SETUP)
			return true;
		if (earlier->confirmation == CONFIRM_PAYMENT)
			return earlier->snapshot.status == SUBSCRIPTION_TRIALING;
		return earlier->amount_due == 0 && now - earlier->snapshot.created < CLICK_SECONDS;
	default:
		return false;
	}
}

/* One of her earlier ones, as Stripe has it now; *outcome when it is the answer. */
static enum result settle(const struct billing *billing, struct order *order,
    const struct subscription *known, struct stripe_subscription *earlier, bool *outcome,
    struct problem *problem)
{
	enum result result;

	*outcome = false;
	result = stripe_subscription_retrieve(billing->stripe, billing->site, known->id, earlier, problem);
	if (result == RESULT_NOT_FOUND)
		return billing_sync_customer(billing, known->customer, problem);
	if (result != RESULT_OK)
		return result;
	ask_for_no_card(order, earlier);
	*outcome = is_outcome(order, earlier, billing->now);
	if (!*outcome && earlier->snapshot.status == SUBSCRIPTION_INCOMPLETE)
		result = billing_waiting_give_up(billing, &order->purchase, earlier, problem);
	if (result == RESULT_OK)
		result = billing_subscription_remember(billing, earlier, problem);
	if (result == RESULT_OK && !*outcome && subscription_live(earlier->snapshot.status) &&
	    billing_purchase_is_of(&order->purchase, &earlier->snapshot))
		result = billing_already_subscribed(problem);
	return result;
}

/* All of them, even when one is the answer: another may have been paid. */
static enum result settle_earlier(const struct billing *billing, struct order *order,
    const struct store_user *user, struct stripe_subscription *subscription, bool *reuse,
    struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	*reuse = false;
	for (i = 0; i < user->n_records && result == RESULT_OK; i++) {
		struct stripe_subscription earlier;
		bool outcome;

		if (!matters(billing->site, order, &user->records[i].snapshot))
			continue;
		result = settle(billing, order, &user->records[i].snapshot, &earlier, &outcome, problem);
		if (result != RESULT_OK || !outcome)
			continue;
		*subscription = earlier;
		*reuse = true;
	}
	return result;
}

static enum result ask_stripe(const struct billing *billing, struct order *order,
    struct stripe_subscription *subscription, struct problem *problem)
{
	char parameters[STRIPE_DIGEST_SIZE];
	struct attempt attempt;
	enum result result;

	if (!stripe_subscription_digest(parameters, billing->site, &order->params))
		return problem_memory(problem);
	result = billing_attempt_begin(billing, CREATE_SUBSCRIPTION, order->wanted->idempotency_key,
	    parameters, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_create(billing->stripe, billing->site, &order->params,
	    attempt.idempotency_key, subscription, problem);
	billing_attempt_settle(billing, &attempt, result);
	return result;
}

/* What an attempt in doubt made long ago may have ended meanwhile. */
static enum result leave_replayed(const struct billing *billing, struct order *order,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result;

	if (subscription->date - subscription->snapshot.created < REPLAY_SECONDS)
		return RESULT_OK;
	result = stripe_subscription_retrieve(billing->stripe, billing->site,
	    subscription->snapshot.id, subscription, problem);
	if (result != RESULT_OK || order->wanted->idempotency_key != NULL ||
	    subscription_rank(subscription->snapshot.status) != RANK_FINAL)
		return result;
	result = billing_attempt_over(billing, CREATE_SUBSCRIPTION, problem);
	return result == RESULT_OK ? ask_stripe(billing, order, subscription, problem) : result;
}

static enum result create(const struct billing *billing, struct order *order,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result = billing_purchase_count(billing, &order->purchase, problem);

	if (result == RESULT_OK)
		result = ask_stripe(billing, order, subscription, problem);
	if ((result == RESULT_INVALID || result == RESULT_NOT_FOUND) &&
	    billing_purchase_customer_gone(problem)) {
		result = billing_purchase_replace_customer(billing, &order->purchase, problem);
		if (result == RESULT_OK)
			result = ask_stripe(billing, order, subscription, problem);
	}
	if (result == RESULT_OK)
		result = leave_replayed(billing, order, subscription, problem);
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		return billing_purchase_refused(billing, &order->purchase, problem);
	if (result != RESULT_OK)
		return result;
	ask_for_no_card(order, subscription);
	log_event(LOG_LEVEL_INFO, "subscription created", "subscription", subscription->snapshot.id,
	    "customer", order->purchase.customer, "plan", order->params.plan->name, NULL);
	return billing_subscription_remember(billing, subscription, problem);
}

/* Before what she has begun is given up for an order that is refused. */
static enum result check_customer(const struct billing *billing, struct order *order,
    struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	if (order->wanted->purchase.customer == NULL)
		return RESULT_OK;
	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = billing_purchase_customer(billing, &user, &order->purchase, problem);
	store_user_free(&user);
	return result;
}

static enum result subscribe_locked(const struct billing *billing, struct order *order,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;
	bool reuse = false;

	result = check_customer(billing, order, problem);
	if (result == RESULT_OK)
		result = billing_checkout_leave(billing, &order->purchase, problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = billing_purchase_customer(billing, &user, &order->purchase, problem);
	if (result == RESULT_OK)
		result = settle_earlier(billing, order, &user, subscription, &reuse, problem);
	if (result == RESULT_OK && !reuse) {
		order->params.plan = billing_purchase_terms(billing->site, &user, &order->purchase);
		result = create(billing, order, subscription, problem);
	}
	store_user_free(&user);
	/* From here on its record keeps a second one from being made. */
	return result == RESULT_OK ? billing_attempt_over(billing, CREATE_SUBSCRIPTION, problem) : result;
}

static enum result subscribe_once(const struct billing *billing,
    const struct subscribe_wanted *wanted, struct order *order,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct store_lock lock;
	enum result result;

	result = order_open(billing, wanted, order, problem);
	if (result == RESULT_OK)
		result = billing_lock(billing, &lock, problem);
	if (result != RESULT_OK)
		return result;
	result = subscribe_locked(billing, order, subscription, problem);
	store_lock_release(billing->store, billing->site, &lock);
	return result;
}

enum result billing_subscribe(const struct billing *billing, const struct subscribe_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct order order = { 0 };
	enum result result;

	result = subscribe_once(billing, wanted, &order, subscription, problem);
	return order.purchase.withdrawn ?
	    subscribe_once(billing, wanted, &order, subscription, problem) : result;
}
