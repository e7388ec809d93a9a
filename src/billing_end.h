/* Canceling, pausing, and taking either back. */
#ifndef TOLLGATE_BILLING_END_H
#define TOLLGATE_BILLING_END_H

#include "billing.h"
#include "stripe_subscription_write.h"

enum cancel_when { CANCEL_NOW, CANCEL_PERIOD_END };

/* As the caller says it; NULL = not said. */
struct end_wanted {
	const char *subscription;    /* her only live one when it is not said */
	enum cancel_when when;
	struct stripe_cancellation why;
	const char *idempotency_key;
};

/* All answer *subscription as it is afterwards, in Redis, too, and do nothing where it
 * already is as wanted. RESULT_NOT_FOUND `subscription_unknown`; RESULT_CONFLICT where
 * its status does not allow it. */
enum result billing_cancel(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem);
/* Takes back a cancel that is to come, and resumes what is paused: where that must be
 * paid for, it stays paused with the payment to be confirmed. */
enum result billing_resume(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem);
/* RESULT_FORBIDDEN `pause_not_allowed` unless the site says allow_pause. */
enum result billing_pause(const struct billing *billing, const struct end_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem);

#endif
