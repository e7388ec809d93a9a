/* Changing a subscription (docs.stripe.com/api/subscriptions). All answer it as it is afterwards. */
#ifndef TOLLGATE_STRIPE_SUBSCRIPTION_WRITE_H
#define TOLLGATE_STRIPE_SUBSCRIPTION_WRITE_H

#include "stripe_subscription.h"

/* Before it is changed: with method_type. RESULT_NOT_FOUND `subscription_unknown`. */
enum result stripe_subscription_retrieve_with_method(struct stripe *stripe,
    const struct site *site, const char *id, struct stripe_subscription *subscription,
    struct problem *problem);

/* Of one item. Its quantity is always said: a new price without one would mean one of it. */
struct stripe_item_change {
	const char *item;
	const char *price;
	int64_t quantity;
	int64_t proration_date;      /* 0 = now */
	const char *setup_price;     /* one-time, for a set-up fee; NULL = none */
	bool ends_trial;
};
#define STRIPE_PRORATION "always_invoice" /* of a change and of its preview */

/* Not before its invoice is paid (payment_behavior=pending_if_incomplete). */
enum result stripe_subscription_update(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_item_change *change, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);

/* Another of the customer's payment methods. */
enum result stripe_subscription_set_method(struct stripe *stripe, const struct site *site,
    const char *id, const char *payment_method, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);

/* Why the customer leaves; NULL = not said. `feedback` is one of Stripe's words. */
struct stripe_cancellation {
	const char *feedback;
	const char *comment;
};

/* At once, or when the period that is paid for is over. */
enum result stripe_subscription_cancel(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_cancellation *why, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);
enum result stripe_subscription_cancel_later(struct stripe *stripe, const struct site *site,
    const char *id, const struct stripe_cancellation *why, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);
/* Takes back what is set in `known`: cancel_at_period_end, else cancel_at. */
enum result stripe_subscription_keep(struct stripe *stripe, const struct site *site,
    const struct subscription *known, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);

/* Voids its latest invoice, by which one that is incomplete expires. RESULT_INVALID when
 * Stripe refuses: it is paid, or being paid. */
enum result stripe_subscription_void_invoice(struct stripe *stripe, const struct site *site,
    struct stripe_subscription *subscription, struct problem *problem);

enum result stripe_subscription_pause(struct stripe *stripe, const struct site *site,
    const char *id, const char *idempotency_key, struct stripe_subscription *subscription,
    struct problem *problem);
/* Once its payment has succeeded; `same_period` asks for none while that which was paid lasts. */
enum result stripe_subscription_resume(struct stripe *stripe, const struct site *site,
    const char *id, bool same_period, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);

#endif
