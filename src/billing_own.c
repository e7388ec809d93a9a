#include "billing_own.h"

#include "billing_subscription.h"
#include "billing_sync.h"
#include "stripe_subscription_write.h"

static enum result read_now(const struct billing *billing, const struct subscription *known,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct problem ignored;
	enum result result;

	result = stripe_subscription_retrieve_with_method(billing->stripe, billing->site,
	    known->id, subscription, problem);
	if (result == RESULT_NOT_FOUND) /* the record says otherwise, and is to be corrected */
		billing_sync_customer(billing, known->customer, &ignored);
	return result;
}

static enum result act_locked(const struct billing *billing, const char *id, own_act *act,
    void *context, struct stripe_subscription *subscription, struct problem *problem)
{
	struct subscription_record record;
	struct problem ignored;
	enum result result;

	result = billing_subscription_find(billing, id, &record, problem);
	if (result == RESULT_OK)
		result = read_now(billing, &record.snapshot, subscription, problem);
	if (result != RESULT_OK)
		return result;
	result = act(billing, context, subscription, problem);
	if (result == RESULT_OK)
		return billing_subscription_remember(billing, subscription, problem);
	billing_subscription_remember(billing, subscription, &ignored);
	return result;
}

enum result billing_own(const struct billing *billing, const char *id, own_act *act, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct store_lock lock;
	enum result result;

	result = billing_lock(billing, &lock, problem);
	if (result != RESULT_OK)
		return result;
	result = act_locked(billing, id, act, context, subscription, problem);
	store_lock_release(billing->store, billing->site, &lock);
	return result;
}

enum result billing_own_begin(const struct billing *billing, const struct own_write *write,
    const char *subscription, struct attempt *attempt, struct problem *problem)
{
	char fingerprint[STRIPE_DIGEST_SIZE];

	if (!stripe_digest(fingerprint, subscription, write->detail, NULL))
		return problem_memory(problem);
	return billing_attempt_begin(billing, write->operation, write->own_key, fingerprint, attempt,
	    problem);
}

enum result billing_own_end(const struct billing *billing, const struct attempt *attempt,
    enum result result, struct problem *problem)
{
	billing_attempt_settle(billing, attempt, result);
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		return stripe_refused(problem);
	return result == RESULT_OK && !attempt->own ?
	    billing_attempt_over(billing, attempt->operation, problem) : result;
}

enum result billing_own_ended(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "subscription_ended", "subscriptionId",
	    "This subscription has ended.");
}
