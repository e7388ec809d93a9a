/* Subscriptions: decode Stripe's object of any API version we meet. */
#ifndef TOLLGATE_STRIPE_SUBSCRIPTION_H
#define TOLLGATE_STRIPE_SUBSCRIPTION_H

#include "stripe.h"
#include "subscription.h"

/* False when it is no subscription. Period from the items, else from the
 * subscription (before 2025-03-31.basil). */
bool stripe_subscription_decode(struct json_object *object, struct subscription *subscription);

/* The object as it was before: previous_attributes laid over it (objects are
 * merged, arrays and scalars replaced). The caller's. */
struct json_object *stripe_object_before(struct json_object *object, struct json_object *previous);

/* subscription.pause_collection, as it stands on a subscription of Stripe's. */
enum pause_collection stripe_pause_decode(struct json_object *object);

#endif
