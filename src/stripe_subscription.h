/* Subscriptions: decode Stripe's object of any API version we meet; list a customer's. */
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

/* All of a customer's subscriptions (status=all, all pages), with their first
 * payments where they matter. */
struct stripe_subscription_list {
	struct subscription *data;
	enum first_payment *first_payment;
	size_t count;
	int64_t date;                 /* of the first answer; 0 = none said */
};
enum result stripe_subscription_list(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_subscription_list *list, struct problem *problem);
void stripe_subscription_list_free(struct stripe_subscription_list *list);

#endif
