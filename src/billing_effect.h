/* What one event changes: an effect per kind of event. Pure: asks neither Redis nor Stripe. */
#ifndef TOLLGATE_BILLING_EFFECT_H
#define TOLLGATE_BILLING_EFFECT_H

#include <stdbool.h>

#include "identity.h"
#include "settings.h"
#include "store_apply.h"
#include "store_session.h"
#include "stripe_event.h"

#define EFFECT_NOTICES_MAX 2

/* The change, and what it borrows beside the event. Not to be moved once begun. */
struct event_effect {
	const struct site *site;
	const struct stripe_event *event;
	struct store_change change;
	struct subscription now, before;
	struct store_snapshot snapshot;
	struct store_session session;
	char user[IDENTITY_USER_MAX + 1]; /* whom a client_reference_id of ours names */
	const char **features;
	struct store_notice notices[EFFECT_NOTICES_MAX];
	char *data[EFFECT_NOTICES_MAX];
};

/* The event alone: its id, time and customer. End with event_effect_free. */
void event_effect_begin(struct event_effect *effect, const struct site *site,
    const struct stripe_event *event, int64_t now);
void event_effect_free(struct event_effect *effect);

/* A notice of this type about the event's object. */
enum result event_effect_tell(struct event_effect *effect, const char *type);

/* Each: RESULT_INVALID when the object is not what the type says, RESULT_INTERNAL
 * when out of memory. */
typedef enum result event_effect_make(struct event_effect *effect);
event_effect_make effect_subscription;
event_effect_make effect_trial_will_end;     /* the same, and tells with its next reading */
event_effect_make effect_entitlements;
event_effect_make effect_checkout;           /* caches the session */
event_effect_make effect_checkout_completed; /* the same, and links or tells */
event_effect_make effect_checkout_failed;    /* the same, and tells */
event_effect_make effect_customer_created;
event_effect_make effect_customer_updated;
event_effect_make effect_customer_deleted;
event_effect_make effect_invoice_draft;      /* to be finalized, where the site wants it */
event_effect_make effect_invoice_unfinished; /* the same, when only a try more is needed */
event_effect_make effect_invoice_paid;
event_effect_make effect_invoice_failed;
event_effect_make effect_invoice_updated;

#endif
