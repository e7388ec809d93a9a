/* TOLLGATE_REQUIRE: what a location needs, and whether something meets it. */
#ifndef TOLLGATE_BILLING_REQUIREMENT_H
#define TOLLGATE_BILLING_REQUIREMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "billing_entitlement.h"
#include "settings.h"
#include "subscription.h"

#define ALTERNATIVES_MAX 16

enum alternative_kind {
	ALTERNATIVE_ANY,     /* any of the site's plans */
	ALTERNATIVE_PLAN,
	ALTERNATIVE_PRODUCT,
	ALTERNATIVE_FEATURE,
};

struct alternative {
	enum alternative_kind kind;
	const struct plan *plan;     /* of ALTERNATIVE_PLAN */
	enum entitlement entitlement; /* of ALTERNATIVE_FEATURE, the caller's to find */
	char word[STRIPE_ID_SIZE];   /* behind the colon */
};

/* One of the alternatives must hold. */
struct requirement {
	size_t count;
	struct alternative alternatives[ALTERNATIVES_MAX];
};

/* False for an absent or empty text, and as soon as one word of it is wrong,
 * even where another would hold: a typo must be seen. */
bool requirement_parse(const struct site *site, const char *text, struct requirement *requirement);

/* By an item; `plan` is the site's plan that it is of, or NULL. One that does not pass meets
 * it, too, so that she is told why that one does not. */
bool requirement_met(const struct requirement *requirement, const struct subscription_item *item,
    const struct plan *plan, bool passes);
/* By an entitlement of which it is not known whether she has paid for it. */
bool requirement_unsure(const struct requirement *requirement);

/* By being logged in, because `plan` is free. `any` is not: it asks for a subscription. */
bool requirement_met_free(const struct requirement *requirement, const struct plan *plan);

#endif
