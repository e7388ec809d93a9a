/* What a user used of a plan that is billed by usage. */
#ifndef TOLLGATE_BILLING_USAGE_H
#define TOLLGATE_BILLING_USAGE_H

#include "billing.h"

struct usage {
	const char *event_name; /* of the meter */
	const char *identifier; /* the application's own, for each use another */
	int64_t value;
};

/* Told to Stripe for the user's customer, once for each of her identifiers.
 * RESULT_NOT_FOUND `customer_missing` when she never bought, RESULT_INVALID for an
 * event name that no meter has. */
enum result billing_usage_report(const struct billing *billing, const struct usage *usage,
    struct problem *problem);

#endif
