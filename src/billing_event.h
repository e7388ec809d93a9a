/* What an event does: the table of types, and the one door for webhook and sync. */
#ifndef TOLLGATE_BILLING_EVENT_H
#define TOLLGATE_BILLING_EVENT_H

#include "settings.h"
#include "store.h"
#include "store_apply.h"
#include "stripe_event.h"

/* How it ended, for the log and the counters. */
enum event_outcome {
	EVENT_APPLIED,
	EVENT_SEEN,
	EVENT_STALE,
	EVENT_IGNORED,        /* unknown type, thin event */
	EVENT_OTHER_MODE,     /* livemode does not match the site's */
	EVENT_OTHER_ACCOUNT,
	EVENT_OTHER_SITE,     /* of the same account, by what tollgate wrote on the object */
};
const char *event_outcome_str(enum event_outcome outcome);

/* The event's Connect account is the site's, or neither has one. */
bool billing_event_is_of_account(const struct site *site, const struct stripe_event *event);

/* Whether the table has it; of others nothing is kept. */
bool billing_event_known(const struct stripe_event *event);

/* RESULT_OK only when Redis has it, or there is nothing to have. */
enum result billing_event_take(struct store *store, const struct site *site,
    const struct stripe_event *event, int64_t now, enum event_outcome *outcome,
    struct problem *problem);

#endif
