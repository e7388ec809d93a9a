/* What tollgate-sync has to do, shared out among its threads on all hosts: each
 * piece is leased to one of them, and comes back when that one dies. */
#ifndef TOLLGATE_STORE_WORK_H
#define TOLLGATE_STORE_WORK_H

#include "store.h"
#include "subscription.h"

enum work_kind {
	WORK_WISH,     /* a user whom Redis does not know; somebody waits for it */
	WORK_INVOICE,  /* a draft to be finalized */
	WORK_CUSTOMER, /* marked dirty */
	WORK_KINDS,
};

struct store_work {
	enum work_kind kind;
	char id[STRIPE_ID_SIZE]; /* of the user, the invoice, the customer */
	char lease[24];          /* until when; tells this lease from any other */
	int tries;               /* that failed before */
};
const char *work_kind_str(enum work_kind kind);

/* The next piece that nobody has in hand; wishes first, then what failed or was
 * left behind, then the oldest. What is marked again meanwhile is new work, for
 * when this is done. RESULT_NOT_FOUND when there is nothing to do now. */
enum result store_work_claim(struct store *store, const struct site *site, int64_t lease_ms,
    struct store_work *work);
enum result store_work_done(struct store *store, const struct site *site,
    const struct store_work *work);
/* It failed: to be done again after delay_ms, by whoever comes first. */
enum result store_work_defer(struct store *store, const struct site *site,
    const struct store_work *work, int64_t delay_ms);

#endif
