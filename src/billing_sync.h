/* Reading a customer from Stripe and writing her whole. */
#ifndef TOLLGATE_BILLING_SYNC_H
#define TOLLGATE_BILLING_SYNC_H

#include "billing.h"

/* What a reading came to. */
struct sync_reading {
	size_t subscriptions;
	bool changed;         /* Redis had it otherwise */
};

/* All subscriptions and entitlements of `customer`, written only when no event
 * came in between; read again if one did, and left dirty when they keep coming.
 * Links her to the user whom her metadata names. The caller's identity is not used. */
enum result billing_sync_read(const struct billing *billing, const char *customer,
    struct sync_reading *reading, struct problem *problem);
/* The same, for who does not ask what it came to. */
enum result billing_sync_customer(const struct billing *billing, const char *customer,
    struct problem *problem);

#endif
