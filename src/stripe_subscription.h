/* Subscriptions (docs.stripe.com/api/subscriptions): Stripe's object of any API
 * version we meet, and the calls that make, read and change one. */
#ifndef TOLLGATE_STRIPE_SUBSCRIPTION_H
#define TOLLGATE_STRIPE_SUBSCRIPTION_H

#include "stripe.h"
#include "subscription.h"

#define STRIPE_SECRET_SIZE 512 /* client secrets */
#define STRIPE_METHOD_TYPE_SIZE 32
#define STRIPE_TRIAL_WITHOUT_CARD "without_card" /* metadata[tollgate_trial] of an order of our own form */

/* False when it is no subscription. Period from the items, else from the
 * subscription (before 2025-03-31.basil). */
bool stripe_subscription_decode(struct json_object *object, struct subscription *subscription);

/* The object as it was before: previous_attributes laid over it (objects are
 * merged, arrays and scalars replaced). The caller's. */
struct json_object *stripe_object_before(struct json_object *object, struct json_object *previous);

/* subscription.pause_collection, as it stands on a subscription of Stripe's. */
enum pause_collection stripe_pause_decode(struct json_object *object);

/* What is left for the browser to confirm. */
enum confirmation { CONFIRM_NOTHING, CONFIRM_PAYMENT, CONFIRM_SETUP };

/* A subscription as a call answers it, with what the browser needs to go on. */
struct stripe_subscription {
	struct subscription snapshot;
	int64_t date;                            /* of the answer; 0 = none said */
	enum confirmation confirmation;
	char client_secret[STRIPE_SECRET_SIZE];  /* "" when there is nothing to confirm */
	char order[STRIPE_DIGEST_SIZE];          /* metadata[tollgate_order], "" = none */
	char invoice_status[16];                 /* of the latest invoice, "" = there is none */
	int64_t amount_due;                      /* of the latest invoice */
	char pending_price[STRIPE_ID_SIZE];      /* of a pending update's first item, "" = none */
	int64_t pending_quantity;
	char method_type[STRIPE_METHOD_TYPE_SIZE]; /* its payment method's or else the customer's, where expanded */
};

/* All borrowed; NULL or 0 = not sent. */
struct stripe_subscription_params {
	const struct plan *plan;
	const char *user;
	const char *customer;
	const char *price;
	const char *setup_price;    /* one-time, for a set-up fee */
	int64_t quantity;
	const char *currency;
	const char *promotion_code; /* promo_… */
	const char *order;          /* what tells it from another, for metadata[tollgate_order] */
};

/* What stripe_subscription_create sends, in short; false when out of memory. */
bool stripe_subscription_digest(char digest[STRIPE_DIGEST_SIZE], const struct site *site,
    const struct stripe_subscription_params *params);
/* Not paid yet, unless there is nothing to pay (payment_behavior=default_incomplete). */
enum result stripe_subscription_create(struct stripe *stripe, const struct site *site,
    const struct stripe_subscription_params *params, const char *idempotency_key,
    struct stripe_subscription *subscription, struct problem *problem);
/* RESULT_NOT_FOUND `subscription_unknown`. */
enum result stripe_subscription_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_subscription *subscription, struct problem *problem);

/* A call that answers a subscription: of all of them, or of `id` with its `tail`;
 * either may be NULL. Adds to `form` what is to be expanded.
 * RESULT_NOT_FOUND `subscription_unknown` for an id that is none. */
enum result stripe_subscription_call(struct stripe *stripe, const struct site *site,
    const char *method, const char *id, const char *tail, struct form *form,
    const char *idempotency_key, struct stripe_subscription *subscription,
    struct problem *problem);

#endif
