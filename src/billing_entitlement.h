/* Which of Stripe's entitlements a user has by what passes here. Stripe's are the customer's,
 * by all that it takes for paid: a subscription that does not pass here (its first debit under
 * way, past due for too long) must not lend its features to one that does, nor take them away. */
#ifndef TOLLGATE_BILLING_ENTITLEMENT_H
#define TOLLGATE_BILLING_ENTITLEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"
#include "store_catalogue.h"
#include "store_customer.h"

enum entitlement {
	ENTITLED_NOT,    /* Stripe does not say so */
	ENTITLED_UNPAID, /* by nothing that passes */
	ENTITLED_UNSURE, /* it is not known what gives it */
	ENTITLED,
};

/* What the catalogue knows; all of it may be missing. */
struct access_catalogue {
	const struct store_price *prices;
	size_t n_prices;
	const struct store_product *products;
	size_t n_products;
};

/* Some of hers passes, something else that Stripe entitles her by does not: only what
 * products give tells which is which. */
bool entitlements_doubtful(const struct site *site, const struct store_user *user, int64_t now);

enum entitlement entitlement_of(const struct site *site, const struct store_user *user,
    const struct access_catalogue *catalogue, const char *feature, int64_t now);

#endif
