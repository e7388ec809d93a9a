/* Starting and expiring a Checkout Session. */
#ifndef TOLLGATE_BILLING_CHECKOUT_H
#define TOLLGATE_BILLING_CHECKOUT_H

#include "billing.h"
#include "billing_purchase.h"
#include "stripe_checkout_session.h"

struct checkout_wanted {
	struct purchase_wanted purchase;
	enum ui_mode ui_mode;
	const char *idempotency_key; /* NULL = not said */
};

/* The user's open session if it is for just this, else a new one; an open one
 * for something else is expired first. RESULT_CONFLICT `already_subscribed`
 * when Stripe says that she has a live subscription to the product. */
enum result billing_checkout_create(const struct billing *billing,
    const struct checkout_wanted *wanted, struct stripe_checkout_session *session,
    struct problem *problem);

/* The caller makes her purchase in the site's own form: the session that she has open is
 * expired, and the purchase counted first (billing_purchase_count), or, when it was paid
 * meanwhile, her customer read. RESULT_CONFLICT `already_subscribed` when that sold the same
 * product, `busy` when nobody can say yet what it sold. Only under her lock. */
enum result billing_checkout_leave(const struct billing *billing, struct purchase *purchase,
    struct problem *problem);

/* RESULT_NOT_FOUND unless it is the caller's. One that has expired already is
 * no error; RESULT_CONFLICT `session_complete` when it was paid. */
enum result billing_checkout_expire(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem);

#endif
