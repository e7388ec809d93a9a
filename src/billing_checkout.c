#include "billing_checkout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing_attempt.h"
#include "billing_customer.h"
#include "billing_session.h"
#include "billing_waiting.h"
#include "log.h"

#define CREATE_SESSION "create-checkout-session"

/* What is being made: the purchase, and what tells it from another. */
struct checkout {
	const struct checkout_wanted *wanted;
	struct purchase purchase;
	struct stripe_checkout_params params;
	char fingerprint[STRIPE_DIGEST_SIZE];
	struct attempt attempt;
};

static enum result checkout_open(const struct billing *billing,
    const struct checkout_wanted *wanted, struct checkout *checkout, struct problem *problem)
{
	struct purchase *purchase = &checkout->purchase;
	const struct plan_choice *choice = &purchase->choice;
	enum result result;

	checkout->wanted = wanted;
	result = billing_purchase_open(billing, &wanted->purchase, purchase, problem);
	if (result != RESULT_OK)
		return result;
	checkout->params = (struct stripe_checkout_params){
		.user = billing->identity->user,
		.customer = purchase->customer,
		.price = choice->price.id,
		.setup_price = choice->setup_price[0] != '\0' ? choice->setup_price : NULL,
		.quantity = purchase->quantity,
		.ui_mode = wanted->ui_mode,
		.currency = purchase->currency,
		.promotion_code = purchase->promotion_code[0] != '\0' ? purchase->promotion_code : NULL,
	};
	return RESULT_OK;
}

/* By all that Stripe is told: of what the configuration says otherwise by now, no session
 * is offered again, and no answer repeated. */
static enum result fingerprint_make(const struct billing *billing, struct checkout *checkout,
    struct problem *problem)
{
	return stripe_checkout_session_digest(checkout->fingerprint, billing->site, &checkout->params) ?
	    RESULT_OK : problem_memory(problem);
}

/* A subscription that is known by now may have had the trial. */
static enum result take_terms(const struct billing *billing, const struct store_user *user,
    struct checkout *checkout, struct problem *problem)
{
	checkout->params.plan = billing_purchase_terms(billing->site, user, &checkout->purchase);
	return fingerprint_make(billing, checkout, problem);
}

/* Who buys, and on which terms. */
static enum result find_customer(const struct billing *billing, struct checkout *checkout,
    struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = billing_purchase_check(billing, &checkout->purchase, &user, problem);
	if (result == RESULT_OK)
		result = billing_waiting_leave(billing, &checkout->purchase, &user, problem);
	if (result == RESULT_OK)
		result = billing_purchase_customer(billing, &user, &checkout->purchase, problem);
	if (result == RESULT_OK)
		result = take_terms(billing, &user, checkout, problem);
	store_user_free(&user);
	return result;
}

static enum result open_session_id(const struct billing *billing, char id[STRIPE_ID_SIZE],
    struct problem *problem)
{
	if (store_session_open_read(billing->store, billing->site, billing->user_hash, id) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

/* Whether the session was made for just this. */
static enum result is_same(const struct billing *billing, const struct checkout *checkout,
    const char *id, bool *same, struct problem *problem)
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

/* What a completed session has sold: events may be moving the record so fast that
 * no reading of it was written, and then nobody can say yet what may be sold. It
 * ended with its customer, when she was deleted. */
static enum result check_sold(const struct purchase *purchase, const struct store_user *user,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	size_t i;

	if (!billing_customer_is_users(user, session->customer))
		return RESULT_OK;
	for (i = 0; i < user->n_records; i++) {
		const struct subscription *sold = &user->records[i].snapshot;

		if (strcmp(sold->id, session->subscription) != 0)
			continue;
		return subscription_rank(sold->status) != RANK_FINAL &&
		    billing_purchase_is_of(purchase, sold) ?
		    billing_already_subscribed(problem) : RESULT_OK;
	}
	return problem_set(problem, RESULT_CONFLICT, "busy", NULL,
	    "Your last purchase is just being recorded; try again shortly.");
}

/* An earlier session that has ended makes room for a new attempt; a completed
 * one has made the caller a subscriber, perhaps of this very product. */
static enum result leave_ended(const struct billing *billing, struct checkout *checkout,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	result = billing_attempt_over(billing, CREATE_SESSION, problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK && session->subscription[0] != '\0')
		result = check_sold(&checkout->purchase, &user, session, problem);
	if (result == RESULT_OK && billing_purchase_live(&checkout->purchase, &user) != NULL)
		result = billing_already_subscribed(problem);
	if (result == RESULT_OK)
		result = take_terms(billing, &user, checkout, problem);
	store_user_free(&user);
	return result;
}

/* *session is how it stands afterwards, which may be complete. */
static enum result expire_other(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = stripe_checkout_session_expire(billing->stripe, billing->site, id, session, problem);
	if (result == RESULT_OK)
		result = billing_session_remember(billing, session, NULL, problem);
	else if (result == RESULT_INVALID) /* it ended while we looked */
		result = billing_session_refresh(billing, id, session, problem);
	return result;
}

/* In favour of what is bought now. */
static enum result give_way(const struct billing *billing, struct purchase *purchase,
    const char *id, struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result = billing_purchase_count(billing, purchase, problem);

	return result == RESULT_OK ? expire_other(billing, id, session, problem) : result;
}

static enum result check_complete(const struct billing *billing, const struct purchase *purchase,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	if (session->subscription[0] == '\0')
		return RESULT_OK;
	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = check_sold(purchase, &user, session, problem);
	store_user_free(&user);
	return result;
}

enum result billing_checkout_leave(const struct billing *billing, struct purchase *purchase,
    struct problem *problem)
{
	struct stripe_checkout_session session;
	char id[STRIPE_ID_SIZE] = "";
	enum result result;

	result = open_session_id(billing, id, problem);
	if (result != RESULT_OK || id[0] == '\0')
		return result;
	result = billing_session_refresh(billing, id, &session, problem);
	if (result == RESULT_OK && strcmp(session.status, "open") == 0)
		result = give_way(billing, purchase, id, &session, problem);
	if (result == RESULT_OK)
		result = check_complete(billing, purchase, &session, problem);
	if (result == RESULT_OK || result == RESULT_NOT_FOUND)
		result = billing_attempt_over(billing, CREATE_SESSION, problem);
	if (result == RESULT_OK && store_session_open_write(billing->store, billing->site,
	    billing->user_hash, "", 0) != RESULT_OK)
		result = problem_store(problem);
	return result;
}

/* Deals with the user's earlier session; *reuse when it is the answer. */
static enum result settle_earlier(const struct billing *billing, struct checkout *checkout,
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
		result = give_way(billing, &checkout->purchase, id, session, problem);
	return result == RESULT_OK ? leave_ended(billing, checkout, session, problem) : result;
}

static enum result ask_stripe(const struct billing *billing, struct checkout *checkout,
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

/* Stripe repeats its first answer to a key, whatever became of the session since. */
static enum result leave_replayed(const struct billing *billing, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	struct store_session kept = { .status = "open" };
	enum result result;

	result = store_session_read(billing->store, billing->site, session->id, &kept);
	if (result != RESULT_OK && result != RESULT_NOT_FOUND)
		return problem_store(problem);
	if (result == RESULT_NOT_FOUND || strcmp(kept.status, "open") == 0)
		return RESULT_OK;
	if (checkout->wanted->idempotency_key != NULL)
		return problem_set(problem, RESULT_CONFLICT, "idempotency_key_used", NULL,
		    "What was made with this Idempotency-Key has ended: use another one.");
	result = billing_attempt_over(billing, CREATE_SESSION, problem);
	return result == RESULT_OK ? ask_stripe(billing, checkout, session, problem) : result;
}

static enum result create(const struct billing *billing, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_purchase_count(billing, &checkout->purchase, problem);
	if (result == RESULT_OK)
		result = ask_stripe(billing, checkout, session, problem);
	if ((result == RESULT_INVALID || result == RESULT_NOT_FOUND) &&
	    billing_purchase_customer_gone(problem)) {
		result = billing_purchase_replace_customer(billing, &checkout->purchase, problem);
		if (result == RESULT_OK)
			result = fingerprint_make(billing, checkout, problem);
		if (result == RESULT_OK)
			result = ask_stripe(billing, checkout, session, problem);
	}
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		result = billing_purchase_refused(billing, &checkout->purchase, problem);
	return result == RESULT_OK ? leave_replayed(billing, checkout, session, problem) : result;
}

static enum result remember_open(const struct billing *billing, const struct checkout *checkout,
    const struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_session_remember(billing, session, checkout->fingerprint, problem);
	if (result == RESULT_OK && store_session_open_write(billing->store, billing->site,
	    billing->user_hash, session->id, session->expires_at) != RESULT_OK)
		result = problem_store(problem);
	return result;
}

static enum result create_locked(const struct billing *billing, struct checkout *checkout,
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
		    "customer", checkout->purchase.customer,
		    "plan", checkout->purchase.choice.plan->name, NULL);
	return result;
}

static enum result create_once(const struct billing *billing,
    const struct checkout_wanted *wanted, struct checkout *checkout,
    struct stripe_checkout_session *session, struct problem *problem)
{
	struct store_lock lock;
	enum result result;

	result = checkout_open(billing, wanted, checkout, problem);
	if (result == RESULT_OK)
		result = billing_lock(billing, &lock, problem);
	if (result != RESULT_OK)
		return result;
	result = create_locked(billing, checkout, session, problem);
	store_lock_release(billing->store, billing->site, &lock);
	return result;
}

enum result billing_checkout_create(const struct billing *billing,
    const struct checkout_wanted *wanted, struct stripe_checkout_session *session,
    struct problem *problem)
{
	struct checkout checkout = { 0 };
	enum result result;

	result = create_once(billing, wanted, &checkout, session, problem);
	return checkout.purchase.withdrawn ?
	    create_once(billing, wanted, &checkout, session, problem) : result;
}

static enum result not_open(const struct stripe_checkout_session *session, struct problem *problem)
{
	if (strcmp(session->status, "complete") == 0)
		return problem_set(problem, RESULT_CONFLICT, "session_complete", "sessionId",
		    "This Checkout Session is complete.");
	return RESULT_OK;
}

enum result billing_checkout_expire(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem)
{
	enum result result;

	result = billing_session_refresh(billing, id, session, problem);
	if (result == RESULT_NOT_FOUND)
		return problem_set(problem, RESULT_NOT_FOUND, "session_unknown", "sessionId",
		    "There is no such Checkout Session.");
	if (result == RESULT_OK && strcmp(session->status, "open") == 0)
		result = expire_other(billing, id, session, problem);
	return result == RESULT_OK ? not_open(session, problem) : result;
}
