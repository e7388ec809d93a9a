/* The caller's subscriptions: which are hers, and what a call of ours made of one. */
#ifndef TOLLGATE_BILLING_SUBSCRIPTION_H
#define TOLLGATE_BILLING_SUBSCRIPTION_H

#include "billing.h"
#include "stripe_subscription.h"

/* The caller's subscription of this id, as Redis has it; `id` NULL: her only one
 * that is live. RESULT_NOT_FOUND `subscription_unknown` when it is not hers,
 * RESULT_INVALID `parameter_missing` when there is none, or more than one. */
enum result billing_subscription_find(const struct billing *billing, const char *id,
    struct subscription_record *record, struct problem *problem);

/* Into the record at once, so that the gate and the account page need not wait
 * for the event. Only what Stripe answered just now. */
enum result billing_subscription_remember(const struct billing *billing,
    const struct stripe_subscription *subscription, struct problem *problem);

#endif
