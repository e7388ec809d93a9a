#include "billing_end.h"

#include <string.h>

#include "billing_own.h"
#include "log.h"

static void log_end(const char *event, const struct stripe_subscription *subscription)
{
	log_event(LOG_LEVEL_INFO, event, "subscription", subscription->snapshot.id, "customer",
	    subscription->snapshot.customer, NULL);
}

static bool has_ended(const struct stripe_subscription *subscription)
{
	return subscription_rank(subscription->snapshot.status) == RANK_FINAL;
}

static enum result cancel_now(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "cancel-subscription",
	    wanted->idempotency_key, "now" }, subscription->snapshot.id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_cancel(billing->stripe, billing->site, subscription->snapshot.id,
	    &wanted->why, attempt.idempotency_key, subscription, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static enum result cancel_later(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct attempt attempt;
	enum result result;

	if (subscription->snapshot.status == SUBSCRIPTION_PAST_DUE ||
	    subscription->snapshot.status == SUBSCRIPTION_INCOMPLETE)
		return problem_set(problem, RESULT_CONFLICT, "cancel_only_now", "when",
		    "What is not paid for can only be canceled now.");
	result = billing_own_begin(billing, &(struct own_write){ "cancel-subscription",
	    wanted->idempotency_key, "period_end" }, subscription->snapshot.id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_cancel_later(billing->stripe, billing->site,
	    subscription->snapshot.id, &wanted->why, attempt.idempotency_key, subscription, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static enum result cancel(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	const struct end_wanted *wanted = context;
	enum result result;

	if (has_ended(subscription) ||
	    (wanted->when == CANCEL_PERIOD_END && subscription->snapshot.cancel_at_period_end))
		return RESULT_OK;
	result = (wanted->when == CANCEL_NOW ? cancel_now : cancel_later)(billing, wanted, subscription,
	    problem);
	if (result == RESULT_OK)
		log_end(wanted->when == CANCEL_NOW ? "subscription canceled" :
		    "subscription canceled at the end of its period", subscription);
	return result;
}

static enum result keep(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	const struct subscription known = subscription->snapshot;
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "keep-subscription",
	    wanted->idempotency_key, known.cancel_at_period_end ? "period_end" : "cancel_at" },
	    known.id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_keep(billing->stripe, billing->site, &known,
	    attempt.idempotency_key, subscription, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static bool is_paid_for(const struct stripe_subscription *subscription)
{
	return strcmp(subscription->invoice_status, "paid") == 0;
}

/* A period that was paid for and is not over yet is not paid for again. */
static enum result go_on(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	bool same_period = is_paid_for(subscription) &&
	    subscription_period_end(&subscription->snapshot) > billing->now;
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "resume-subscription",
	    wanted->idempotency_key, subscription->snapshot.latest_invoice },
	    subscription->snapshot.id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_resume(billing->stripe, billing->site, subscription->snapshot.id,
	    same_period, attempt.idempotency_key, subscription, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static enum result resume(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	const struct end_wanted *wanted = context;
	enum result result = RESULT_OK;

	if (has_ended(subscription) || subscription->snapshot.status == SUBSCRIPTION_INCOMPLETE)
		return billing_own_ended(problem);
	if (subscription->snapshot.cancel_at_period_end || subscription->snapshot.cancel_at != 0)
		result = keep(billing, wanted, subscription, problem);
	/* One that waits for its payment would be answered with another one. */
	if (result == RESULT_OK && subscription->snapshot.status == SUBSCRIPTION_PAUSED &&
	    subscription->confirmation != CONFIRM_PAYMENT)
		result = go_on(billing, wanted, subscription, problem);
	if (result == RESULT_OK)
		log_end("subscription resumed", subscription);
	return result;
}

static enum result pause_at_stripe(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "pause-subscription",
	    wanted->idempotency_key, "" }, subscription->snapshot.id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_pause(billing->stripe, billing->site, subscription->snapshot.id,
	    attempt.idempotency_key, subscription, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static enum result suspend(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result;

	if (subscription->snapshot.status == SUBSCRIPTION_PAUSED)
		return RESULT_OK;
	if (subscription->snapshot.status != SUBSCRIPTION_ACTIVE &&
	    subscription->snapshot.status != SUBSCRIPTION_TRIALING)
		return problem_set(problem, RESULT_CONFLICT, "pause_only_active", "subscriptionId",
		    "Only what is paid for, or on trial, can be paused.");
	if (!is_paid_for(subscription)) /* as a renewal's draft, which a pause would end */
		return problem_set(problem, RESULT_CONFLICT, "payment_due", "subscriptionId",
		    "What is open is to be paid first.");
	result = pause_at_stripe(billing, context, subscription, problem);
	if (result == RESULT_OK)
		log_end("subscription paused", subscription);
	return result;
}

enum result billing_cancel(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct end_wanted context = *wanted;

	return billing_own(billing, wanted->subscription, cancel, &context, subscription, problem);
}

enum result billing_resume(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct end_wanted context = *wanted;

	return billing_own(billing, wanted->subscription, resume, &context, subscription, problem);
}

enum result billing_pause(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct end_wanted context = *wanted;

	if (!billing->site->allow_pause)
		return problem_set(problem, RESULT_FORBIDDEN, "pause_not_allowed", NULL,
		    "Subscriptions of this site cannot be paused.");
	return billing_own(billing, wanted->subscription, suspend, &context, subscription, problem);
}
