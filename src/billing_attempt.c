#include "billing_attempt.h"

#include <stdatomic.h>

#define LOCK_WAIT_MS 5000
#define LOCK_SLACK_MS 5000 /* beyond the time that Stripe's calls may take */

/* Requests that wait for a lock, of all threads. */
static atomic_int waiting;

static enum result take(const struct billing *billing, int64_t wait_ms, struct store_lock *lock)
{
	return store_lock_take(billing->store, billing->site, billing->user_hash, wait_ms,
	    stripe_timeout_ms(billing->stripe) + LOCK_SLACK_MS, lock);
}

/* Who waits holds a thread, so one user's many requests must leave some to others. */
static enum result take_in_turn(const struct billing *billing, struct store_lock *lock)
{
	enum result result = take(billing, 0, lock);

	if (result != RESULT_CONFLICT)
		return result;
	if (atomic_fetch_add(&waiting, 1) < billing->lock_waiters)
		result = take(billing, LOCK_WAIT_MS, lock);
	atomic_fetch_sub(&waiting, 1);
	return result;
}

enum result billing_lock(const struct billing *billing, struct store_lock *lock,
    struct problem *problem)
{
	switch (take_in_turn(billing, lock)) {
	case RESULT_OK:
		return RESULT_OK;
	case RESULT_CONFLICT:
		return problem_set(problem, RESULT_CONFLICT, "busy", NULL,
		    "Another request of yours is under way; try again shortly.");
	default:
		return problem_store(problem);
	}
}

enum result billing_attempt_begin(const struct billing *billing, const char *operation,
    const char *own_key, const char *fingerprint, struct attempt *attempt, struct problem *problem)
{
	char id[33] = "";

	attempt->operation = operation;
	attempt->own = own_key != NULL;
	if (!attempt->own && store_attempt(billing->store, billing->site, billing->user_hash, operation,
	    fingerprint, id) != RESULT_OK)
		return problem_store(problem);
	if (!stripe_digest(attempt->idempotency_key, billing->site->name, billing->identity->user,
	    operation, fingerprint, attempt->own ? "own" : "attempt", attempt->own ? own_key : id, NULL))
		return problem_memory(problem);
	return RESULT_OK;
}

static bool is_final(enum result result)
{
	return result == RESULT_DECLINED || result == RESULT_INVALID || result == RESULT_NOT_FOUND ||
	    result == RESULT_UPSTREAM;
}

void billing_attempt_settle(const struct billing *billing, const struct attempt *attempt,
    enum result result)
{
	struct problem ignored;

	/* Should Redis fail here, the next try meets Stripe's stored answer and ends there. */
	if (is_final(result) && !attempt->own)
		billing_attempt_over(billing, attempt->operation, &ignored);
}

enum result billing_attempt_over(const struct billing *billing, const char *operation,
    struct problem *problem)
{
	if (store_attempt_end(billing->store, billing->site, billing->user_hash, operation) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}
