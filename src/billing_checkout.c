#include "billing_checkout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing_attempt.h"
#include "billing_customer.h"
#include "billing_session.h"
#include "billing_sync.h"
#include "log.h"
#include "stripe_price.h"

#define CREATE_SESSION "create-checkout-session"

/* What is being made: the choice, and what tells it from another. */
struct checkout {
	const struct checkout_wanted *wanted;
	struct plan_choice choice;
	struct stripe_checkout_params params;
	char promotion_code[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE];
	char fingerprint[STRIPE_DIGEST_SIZE];
	struct attempt attempt;
};

static enum result
check_quantity(const struct checkout_wanted *wanted, const struct plan *plan,
    struct problem *problem)
{
	if (wanted->quantity > plan->quantity_max)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "quantity",
		    "At most %" PRId64 " of this plan can be bought.", plan->quantity_max);
	return RESULT_OK;
}

static enum result
find_promotion_code(const struct billing *billing, struct checkout *checkout,
    struct problem *problem)
{
	enum result result;

	if (checkout->wanted->promotion_code == NULL)
		return RESULT_OK;
	result = stripe_promotion_code_find(billing->stripe, billing->site,
	    checkout->wanted->promotion_code, checkout->promotion_code, problem);
	if (result == RESULT_NOT_FOUND)
		return problem_set(problem, RESULT_INVALID, "promotion_code_unknown", "promotionCode",
		    "This promotion code is not valid.");
	checkout->params.promotion_code = checkout->promotion_code;
	return result;
}

static bool
fingerprint_make(const struct site *site, struct checkout *checkout)
{
	const struct stripe_checkout_params *params = &checkout->params;
	char numbers[64];

	snprintf(numbers, sizeof(numbers), "%" PRId64 ":%d:%d", params->quantity,
	    (int)params->ui_mode, params->plan->trial_days);
	return stripe_digest(checkout->fingerprint, params->plan->name, params->price,
	    checkout->choice.setup_price, numbers, params->currency != NULL ? params->currency : "",
	    checkout->promotion_code, site->success_path, site->cancel_path, NULL);
}

static enum result
checkout_open(const struct billing *billing, const struct checkout_wanted *wanted,
    struct checkout *checkout, struct problem *problem)
{
	const struct plan_choice *choice = &checkout->choice;
	enum result result;

	checkout->wanted = wanted;
	result = billing_plan_choose(billing, &wanted->plan, &checkout->choice, problem);
	if (result == RESULT_OK)
		result = check_quantity(wanted, choice->plan, problem);
	if (result != RESULT_OK)
		return result;
	checkout->params = (struct stripe_checkout_params){
		.plan = choice->plan,
		.user = billing->identity->user,
		.customer = checkout->customer,
		.price = choice->price.id,
		.setup_price = choice->setup_price[0] != '\0' ? choice->setup_price : NULL,
		.quantity = wanted->quantity != 0 ? wanted->quantity : 1,
		.ui_mode = wanted->ui_mode,
		.currency = wanted->currency != NULL ? wanted->currency : choice->plan->currency,
	};
	result = find_promotion_code(billing, checkout, problem);
	if (result == RESULT_OK && !fingerprint_make(billing->site, checkout))
		result = problem_memory(problem);
	return result;
}

/* The customer of a live subscription to the product, or NULL. */
static const char *
live_customer(const struct store_user *user, const char *product)
{
	size_t i, j;

	for (i = 0; i < user->n_records; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		for (j = 0; subscription_live(snapshot->status) && j < snapshot->n_items; j++)
			if (strcmp(snapshot->items[j].product, product) == 0)
				return snapshot->customer;
	}
	return NULL;
}

static enum result
already_subscribed(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "already_subscribed", NULL,
	    "There is a subscription to this already.");
}

static enum result
check_not_subscribed(const struct billing *billing, const struct store_user *user,
    const char *product, struct problem *problem)
{
	const char *customer = live_customer(user, product);
	struct store_user again = { 0 };
	enum result result;

	if (customer == NULL)
		return RESULT_OK;
	/* The event that ended it may be late or lost: ask before refusing a sale. */
	result = billing_sync_customer(billing, customer, problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &again, problem);
	if (result == RESULT_OK && live_customer(&again, product) != NULL)
		result = already_subscribed(problem);
	store_user_free(&again);
	return result;
}

static enum result
find_customer(const struct billing *billing, struct checkout *checkout, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = check_not_subscribed(billing, &user, checkout->choice.price.product, problem);
	if (result == RESULT_OK && user.n_customers > 0)
		memcpy(checkout->customer, user.customers[0], sizeof(checkout->customer));
	else if (result == RESULT_OK)
		result = billing_customer_create(billing, checkout->customer, problem);
	store_user_free(&user);
	return result;
}

static enum result
open_session_id(const struct billing *billing, char id[STRIPE_ID_SIZE], struct problem *problem)
{
	if (store_session_open_read(billing->store, billing->site, billing->user_hash, id) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

/* Whether the session was made for just this. */
static enum result
is_same(const struct billing *billing, const struct checkout *checkout, const char *id, bool *same,
    struct problem *problem)
{
	struct store_session kept;

	switch (store_session_read(billing->store, billing->site, id, &kept)) {
	case RESULT_OK:
		*same = strcmp(kept.fingerprint, checkout->fingerprint) == 0;
		return RESULT_OK;
	case RESULT_NOT_FOUND:
		*same = false;
		return RESULT_OK;
	default:
		return problem_store(problem);
	}
}

/* An earlier session that has ended makes room for a new attempt; a completed
 * one has made the caller a subscriber, perhaps of this very product. */
static enum result
leave_ended(const struct billing *billing, const struct checkout *checkout, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	result = billing_attempt_over(billing, CREATE_SESSION, problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK && live_customer(&user, checkout->choice.price.product) != NULL)
		result = already_subscribed(problem);
	store_user_free(&user);
	return result;
}

static enum result
expire_other(const struct billing *billing, const char *id, struct problem *problem)
{
	struct stripe_checkout_session session;
	enum result result;

	result = stripe_checkout_session_expire(billing->stripe, billing->site, id, &session, problem);
	if (result == RESULT_OK)
		result = billing_session_remember(billing, &session, NULL, problem);
	else if (result == RESULT_INVALID) /* it ended while we looked */
		result = billing_session_refresh(billing, id, &session, problem);
	return result;
}

/* Deals with the user's earlier session; *reuse when it is the answer. */
static enum result
settle_earlier(const struct billing *billing, const struct checkout *checkout,
    struct stripe_checkout_session *session, bool *reuse, struct problem *problem)
{
	char id[STRIPE_ID_SIZE] = "";
	bool same = false;
	enum result result;

	*reuse = false;
	result = open_session_id(billing, id, problem);
	if (result != RESULT_OK || id[0] == '\0')
		return result;
	result = billing_session_refresh(billing, id, session, problem);
	if (result == RESULT_NOT_FOUND)
		return billing_attempt_over(billing, CREATE_SESSION, problem);
	if (result == RESULT_OK)
		result = is_same(billing, checkout, id, &same, problem);
	if (result != RESULT_OK)
		return result;
	if (strcmp(session->status, "open") == 0 && same) {
		*reuse = true;
		return RESULT_OK;
	}
	if (strcmp(session->status, "open") == 0)
		result = expire_other(billing, id, problem);
	return result == RESULT_OK ? leave_ended(billing, checkout, problem) : result;
}

/* What the caller may have named wrongly, by the beginning of Stripe's param. */
static const struct {
	const char *stripe;
	const char *ours;
} refusable[] = {
	{ "currency", "currency" },
	{ "line_items[0][quantity]", "quantity" },
	{ "line_items", "currency" }, /* the price has not the currency */
	{ "discounts", "promotionCode" },
};

static bool
was_named(const struct checkout_wanted *wanted, const char *field)
{
	return (strcmp(field, "currency") == 0 && wanted->currency != NULL) ||
	    (strcmp(field, "quantity") == 0 && wanted->quantity != 0) ||
	    (strcmp(field, "promotionCode") == 0 && wanted->promotion_code != NULL);
}

/* A refusal of what the caller named is hers; the rest is our fault or the site's. */
static enum result
translate_refusal(const struct checkout_wanted *wanted, struct problem *problem)
{
	char code[sizeof(problem->code)], message[sizeof(problem->message)];
	size_t i;

	memcpy(code, problem->code, sizeof(code));
	memcpy(message, problem->message, sizeof(message));
	for (i = 0; i < sizeof(refusable) / sizeof(refusable[0]); i++)
		if (strncmp(problem->param, refusable[i].stripe, strlen(refusable[i].stripe)) == 0 &&
		    was_named(wanted, refusable[i].ours))
			return problem_set(problem, RESULT_INVALID, code, refusable[i].ours, "%s", message);
	return stripe_refused(problem);
}

static bool
customer_is_gone(const struct problem *problem)
{
	return strcmp(problem->param, "customer") == 0 && strcmp(problem->code, "resource_missing") == 0;
}

static enum result
ask_stripe(const struct billing *billing, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_attempt_begin(billing, CREATE_SESSION, checkout->wanted->idempotency_key,
	    checkout->fingerprint, &checkout->attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_checkout_session_create(billing->stripe, billing->site, &checkout->params,
	    checkout->attempt.idempotency_key, session, problem);
	billing_attempt_settle(billing, &checkout->attempt, result);
	return result;
}

static enum result
create(const struct billing *billing, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = ask_stripe(billing, checkout, session, problem);
	if ((result == RESULT_INVALID || result == RESULT_NOT_FOUND) && customer_is_gone(problem)) {
		result = billing_customer_gone(billing, checkout->customer, problem);
		if (result == RESULT_OK)
			result = find_customer(billing, checkout, problem);
		if (result == RESULT_OK)
			result = ask_stripe(billing, checkout, session, problem);
	}
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		result = translate_refusal(checkout->wanted, problem);
	return result;
}

static enum result
remember_open(const struct billing *billing, const struct checkout *checkout,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_session_remember(billing, session, checkout->fingerprint, problem);
	if (result == RESULT_OK && store_session_open_write(billing->store, billing->site,
	    billing->user_hash, session->id, session->expires_at) != RESULT_OK)
		result = problem_store(problem);
	return result;
}

static enum result
create_locked(const struct billing *billing, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;
	bool reuse = false;

	result = find_customer(billing, checkout, problem);
	if (result == RESULT_OK)
		result = settle_earlier(billing, checkout, session, &reuse, problem);
	if (result != RESULT_OK || reuse)
		return result;
	result = create(billing, checkout, session, problem);
	if (result != RESULT_OK)
		return result;
	result = remember_open(billing, checkout, session, problem);
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_INFO, "checkout session created", "session", session->id,
		    "customer", checkout->customer, "plan", checkout->choice.plan->name, NULL);
	return result;
}

enum result
billing_checkout_create(const struct billing *billing, const struct checkout_wanted *wanted,
    struct stripe_checkout_session *session, struct problem *problem)
{
	struct checkout checkout = { 0 };
	struct store_lock lock;
	enum result result;

	result = checkout_open(billing, wanted, &checkout, problem);
	if (result != RESULT_OK)
		return result;
	result = billing_lock(billing, &lock, problem);
	if (result != RESULT_OK)
		return result;
	result = create_locked(billing, &checkout, session, problem);
	store_lock_release(billing->store, billing->site, &lock);
	return result;
}

static enum result
not_open(const struct stripe_checkout_session *session, struct problem *problem)
{
	if (strcmp(session->status, "complete") == 0)
		return problem_set(problem, RESULT_CONFLICT, "session_complete", "sessionId",
		    "This Checkout Session is complete.");
	return RESULT_OK;
}

enum result
billing_checkout_expire(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_session_refresh(billing, id, session, problem);
	if (result == RESULT_NOT_FOUND)
		return problem_set(problem, RESULT_NOT_FOUND, "session_unknown", "sessionId",
		    "There is no such Checkout Session.");
	if (result == RESULT_OK && strcmp(session->status, "open") == 0)
		result = expire_other(billing, id, problem);
	if (result == RESULT_OK)
		result = billing_session_refresh(billing, id, session, problem);
	return result == RESULT_OK ? not_open(session, problem) : result;
}
