/* How much a user may make at Stripe: creation_limit of the site. */
#ifndef TOLLGATE_BILLING_LIMIT_H
#define TOLLGATE_BILLING_LIMIT_H

#include "billing.h"

/* To be asked once, right before Stripe is asked to make something for the user, and
 * not for an answer that is there already. RESULT_RATE_LIMITED `rate_limited` with
 * how long to wait. When Redis cannot count, nothing is made. */
enum result billing_limit_take(const struct billing *billing, struct problem *problem);

#endif
