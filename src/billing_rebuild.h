/* Finding all customers of a site at Stripe, to read each: tollgate-sync --all. */
#ifndef TOLLGATE_BILLING_REBUILD_H
#define TOLLGATE_BILLING_REBUILD_H

#include "billing.h"
#include "stripe_subscription_list.h"

struct rebuild; /* for one site, and one thread */

/* NULL when out of memory. */
struct rebuild *rebuild_new(void);
void rebuild_free(struct rebuild *rebuild);

/* The next customers to be read, each once: who has, or ever had, a subscription.
 * *end tells that there are none behind. Whoever never subscribed is linked to
 * the user whom her metadata names, and read when the gate asks for her. */
enum result rebuild_next(struct rebuild *rebuild, const struct billing *billing,
    char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count, bool *end,
    struct problem *problem);

#endif
