/* Making a subscription for the site's own payment form. */
#ifndef TOLLGATE_BILLING_SUBSCRIBE_H
#define TOLLGATE_BILLING_SUBSCRIBE_H

#include "billing.h"
#include "billing_purchase.h"
#include "stripe_subscription.h"

struct subscribe_wanted {
	struct purchase_wanted purchase;
	const char *idempotency_key; /* NULL = not said */
};

/* The caller's subscription that waits for its first payment or its card if it is
 * of just this, else a new one; another that waits is canceled first.
 * RESULT_CONFLICT `already_subscribed` when Stripe says that she has a live
 * subscription to the product. */
enum result billing_subscribe(const struct billing *billing, const struct subscribe_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem);

#endif
