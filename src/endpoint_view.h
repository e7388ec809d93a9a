/* What front ends see of subscriptions and prices: Stripe's names, and no more than they need. */
#ifndef TOLLGATE_ENDPOINT_VIEW_H
#define TOLLGATE_ENDPOINT_VIEW_H

#include "settings.h"
#include "store_catalogue.h"
#include "subscription.h"

struct json_object;

/* The catalogue as Redis has it; may be empty, and end with free(prices). */
struct view_catalogue {
	struct store_price *prices;
	size_t count;
};

/* Both are the caller's. */
struct json_object *view_price(const struct store_price *price);
/* With the plan it is of, and the prices of its items as far as they are known. */
struct json_object *view_subscription(const struct site *site,
    const struct subscription *subscription, const struct view_catalogue *catalogue);

/* These fields of one of Stripe's objects; `names` is NULL-ended. The caller's. */
struct json_object *view_fields(struct json_object *object, const char *const *names);

#endif
