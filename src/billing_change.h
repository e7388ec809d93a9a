/* Another price or quantity: what it would cost, and making it so. */
#ifndef TOLLGATE_BILLING_CHANGE_H
#define TOLLGATE_BILLING_CHANGE_H

#include "billing.h"
#include "billing_plan.h"
#include "stripe_subscription.h"

struct json_object;

/* As the caller says it; NULL or 0 = not said. */
struct change_wanted {
	const char *subscription;    /* her only live one when it is not said */
	const char *customer;        /* whose it is */
	const char *item;            /* its only one when it is not said */
	struct plan_wanted plan;     /* the item's present price when nothing is said */
	int64_t quantity;            /* the item's present one when it is not said */
	int64_t trial_end;           /* preview only */
	int64_t proration_date;      /* update only: that of a preview of just this, of the last 15 minutes */
	const char *idempotency_key;
};

/* *invoice is Stripe's object, the caller's; *date is what update takes as
 * proration_date, 0 for a preview with another end of the trial, which update has not.
 * Refused as the update would be. */
enum result billing_change_preview(const struct billing *billing,
    const struct change_wanted *wanted, struct json_object **invoice, int64_t *date,
    struct problem *problem);

/* RESULT_OK with a payment to be confirmed leaves the old plan in place until it is paid.
 * RESULT_INVALID `preview_expired`; RESULT_CONFLICT `several_items`, `already_subscribed`,
 * `subscription_paused`, `payment_due` while an invoice of it waits for anything but a change
 * before this, or `use_portal` where Stripe has no pending updates. */
enum result billing_change_update(const struct billing *billing,
    const struct change_wanted *wanted, struct stripe_subscription *subscription,
    struct problem *problem);

#endif
