/* What tollgate-sync does, piece by piece: wishes, invoices, dirty customers, and
 * the duties that one daemon does for all. */
#ifndef TOLLGATE_BILLING_WORK_H
#define TOLLGATE_BILLING_WORK_H

#include <stdatomic.h>

#include "billing.h"

/* What a thread works with; all borrowed. */
struct workshop {
	struct store *store;
	struct stripe *stripe;
	const atomic_bool *stop; /* no more waiting */
	int64_t patience_ms;     /* how long a call may wait for Stripe's rate, or all calls of a lease */
	bool leased;
	int64_t waited_ms;
};

/* Makes the workshop's calls of Stripe keep the site's rate. */
void billing_work_pace(struct workshop *workshop);

/* As which site, with nobody asking. */
struct billing billing_work_billing(const struct workshop *workshop, const struct site *site);

/* The next piece of a site's work, begun by billing_work_claim: RESULT_NOT_FOUND
 * when there is none. billing_work_do ends it, or leaves it for later; of a
 * failure *problem tells, and retry_after when nobody is to ask sooner. */
struct store_work;
enum result billing_work_claim(const struct workshop *workshop, const struct site *site,
    struct store_work *work);
enum result billing_work_do(struct workshop *workshop, const struct site *site,
    const struct store_work *work, struct problem *problem);

/* Does those duties of the site that are due (`anyway`: the events in any case);
 * *due_in: in how many seconds to look again. */
enum result billing_work_duties(const struct workshop *workshop, const struct site *site,
    bool anyway, int64_t *due_in, struct problem *problem);

/* Stripe said 429: all daemons make a pause, and so does the site here. */
void billing_work_slow_down(const struct workshop *workshop, const struct site *site,
    struct problem *problem);

#endif
