/* The one door through which what Stripe says gets into a record: apply.lua,
 * atomic or not at all. */
#ifndef TOLLGATE_STORE_APPLY_H
#define TOLLGATE_STORE_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"
#include "subscription.h"

/* One subscription snapshot and what it claims to follow. */
struct store_snapshot {
	const struct subscription *subscription;
	const struct subscription *before; /* previous_attributes laid over it, or NULL */
	enum first_payment first_payment;  /* UNKNOWN leaves what is stored */
	int64_t past_due_since;            /* read by us; 0: the event's time counts */
	const char *reason;                /* of a change of status, for its notice, or NULL */
	bool has_payment_method;           /* of a reading: what notices that wait for it are told */
};

/* What the site is to be told; `data` is a JSON object, borrowed. */
struct store_notice {
	const char *type;
	const char *data;
	bool only_unlinked;                /* only when the customer belongs to no user */
	const char *once;                  /* id of what several events tell: the first does; or NULL */
	const char *until_read;            /* subscription whose next reading completes it with
	                                      has_payment_method and tells it then; or NULL */
};

/* When a customer must be read again, beside what the rules say themselves. */
enum store_dirty {
	DIRTY_BY_RULES,
	DIRTY_ALWAYS,
	DIRTY_UNLESS_STORED,       /* `dirty_subscription` is not in the record */
	DIRTY_IF_FIRST_PAYMENT_OPEN,
	DIRTY_IF_FIRST_PAYMENT_BEGINS, /* the same, or no subscription is stored at all */
};

/* A checkout session to cache, see store_session.h. */
struct store_session;

/* Everything one event, or one reading of a customer, changes. Unset members change nothing.
 * The script makes two notices itself, since it alone knows what was stored:
 * subscription_status_changed {subscription, from, to, reason} and
 * duplicate_subscription {subscription, other}. */
struct store_change {
	const char *event_id;              /* dropped when seen; NULL for a reading */
	int64_t as_of;                     /* the event's created, or the reading's Date - 2 */
	int64_t now;
	const char *customer;
	bool reading;                      /* whole customer, only if the generation is still `generation` */
	int64_t generation;
	int64_t started_at;                /* of a reading, by our clock: dirty marks made since stay */
	int64_t read_until;                /* of a reading, by Stripe's: what it shows is of as_of to here */

	const struct store_snapshot *snapshots;
	size_t n_snapshots;

	const char *paid_invoice_subscription; /* its first invoice was paid / failed */
	enum first_payment first_payment;

	const char *const *features;       /* replaces the customer's features when has_features */
	size_t n_features;
	bool has_features;

	const char *email;
	bool customer_created;
	bool customer_deleted;
	const char *finalize_invoice;      /* a draft for tollgate-sync to look at */
	const char *link_user;             /* link customer and user; never overwrites another link */
	const struct store_session *session;

	enum store_dirty dirty;
	const char *dirty_subscription;
	const struct store_notice *notices;
	size_t n_notices;
};

enum store_applied {
	APPLIED,          /* in the record */
	APPLIED_SAME,     /* a reading that found what was stored */
	APPLIED_SEEN,     /* this event was here before: nothing changed */
	APPLIED_STALE,    /* older than the record, or too old to trust: dropped, maybe marked dirty */
	APPLIED_MOVED,    /* a reading whose generation had moved: read again */
};

enum result store_apply(struct store *store, const struct site *site,
    const struct store_change *change, enum store_applied *applied, struct problem *problem);

/* Counts an event that changes nothing; those that store_apply takes are counted there. */
void store_event_count(struct store *store, const struct site *site, const char *outcome);

#endif
