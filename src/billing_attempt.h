/* Idempotency of what a user does: the same attempt sends the same
 * key, a new one after each final outcome. */
#ifndef TOLLGATE_BILLING_ATTEMPT_H
#define TOLLGATE_BILLING_ATTEMPT_H

#include "billing.h"
#include "store_lock.h"

/* The user's lock, for longer than Stripe's calls may take; RESULT_CONFLICT
 * `busy` when another request of hers holds it. End with store_lock_release. */
enum result billing_lock(const struct billing *billing, struct store_lock *lock,
    struct problem *problem);

struct attempt {
	const char *operation;
	bool own; /* the caller sent her own Idempotency-Key */
	char idempotency_key[STRIPE_DIGEST_SIZE];
};

/* `fingerprint` is of the parameters. Only under the user's lock. */
enum result billing_attempt_begin(const struct billing *billing, const char *operation,
    const char *own_key, const char *fingerprint, struct attempt *attempt, struct problem *problem);

/* After the call: what Stripe has stored under the key and would replay (a
 * decline, a refusal, a 5xx) ends the attempt. A success stays until what it
 * made has ended (billing_attempt_over), and so does what is in doubt. */
void billing_attempt_settle(const struct billing *billing, const struct attempt *attempt,
    enum result result);
enum result billing_attempt_over(const struct billing *billing, const char *operation,
    struct problem *problem);

#endif
