/* Reading a customer from Stripe and writing her whole (DESIGN 7, rule 4). */
#ifndef TOLLGATE_BILLING_SYNC_H
#define TOLLGATE_BILLING_SYNC_H

#include "billing.h"

/* All subscriptions and entitlements of `customer`, written only when no event
 * came in between; read again if one did, and left dirty when they keep coming. */
enum result billing_sync_customer(const struct billing *billing, const char *customer,
    struct problem *problem);

#endif
