/* One of the caller's subscriptions in hand: hers, locked, as Stripe has it now. */
#ifndef TOLLGATE_BILLING_OWN_H
#define TOLLGATE_BILLING_OWN_H

#include "billing_attempt.h"
#include "stripe_subscription.h"

/* What is done with it; `subscription` is as Stripe has it, and then as the last call answers it. */
typedef enum result own_act(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem);

/* Finds the caller's subscription `id` (billing_subscription_find), reads it under her
 * lock, acts, and remembers what it became, after a refusal too. */
enum result billing_own(const struct billing *billing, const char *id, own_act *act,
    void *context, struct stripe_subscription *subscription, struct problem *problem);

/* How a write is told from another, and how it ended: for acts that make one call. */
struct own_write {
	const char *operation;
	const char *own_key;  /* the caller's Idempotency-Key, or NULL */
	const char *detail;   /* what beside the subscription makes it another one */
};
enum result billing_own_begin(const struct billing *billing, const struct own_write *write,
    const char *subscription, struct attempt *attempt, struct problem *problem);
/* The write has been answered. Doing it again is then something new, and the caller
 * can have named nothing wrongly: a refusal is ours. */
enum result billing_own_end(const struct billing *billing, const struct attempt *attempt,
    enum result result, struct problem *problem);

/* RESULT_CONFLICT: it has ended. */
enum result billing_own_ended(struct problem *problem);

#endif
