/* Opening Stripe's customer portal for the caller, at its home or at one task. */
#ifndef TOLLGATE_BILLING_PORTAL_H
#define TOLLGATE_BILLING_PORTAL_H

#include "billing.h"
#include "stripe_portal_session.h"

/* NULL = not said. */
struct portal_wanted {
	const char *return_path;  /* on the site's own origin; NULL: portal_return_path */
	enum portal_flow flow;
	const char *subscription; /* NULL: the caller's only one */
	const char *new_price;    /* for subscription_update_confirm */
};

/* *url is malloc'd, the caller's. RESULT_NOT_FOUND `customer_missing` when she
 * never bought, `subscription_unknown` when it is not hers. */
enum result billing_portal_open(const struct billing *billing, const struct portal_wanted *wanted,
    char **url, struct problem *problem);

#endif
