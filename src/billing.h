/* On whose behalf, and with what, a billing call is made. */
#ifndef TOLLGATE_BILLING_H
#define TOLLGATE_BILLING_H

#include <stdint.h>

#include "identity.h"
#include "problem.h"
#include "settings.h"
#include "store.h"
#include "stripe.h"

/* All borrowed. */
struct billing {
	struct store *store;
	struct stripe *stripe;
	const struct site *site;
	const struct identity *identity; /* somebody: never with an empty user */
	const char *user_hash;
	int64_t now;
	int lock_waiters;                /* how many requests may wait for a user's lock at a time */
};

#endif
