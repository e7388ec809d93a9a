/* How a Checkout Session stands: whose it is, and what follows from its end. */
#ifndef TOLLGATE_BILLING_SESSION_H
#define TOLLGATE_BILLING_SESSION_H

#include "billing.h"
#include "store_session.h"
#include "stripe_checkout_session.h"

/* Asks Stripe and remembers the answer; a completed one has its customer read
 * at once, so that access is there before the webhook. RESULT_NOT_FOUND
 * `session_unknown` unless the session is the caller's. */
enum result billing_session_refresh(const struct billing *billing, const char *id,
    struct stripe_checkout_session *session, struct problem *problem);

/* `fingerprint` is of what it was made for, NULL = leave what is stored. */
enum result billing_session_remember(const struct billing *billing,
    const struct stripe_checkout_session *session, const char *fingerprint,
    struct problem *problem);

struct session_status {
	char status[16];
	char payment_status[24];
	char customer_email[320];
	enum subscription_status subscription_status;
	bool has_subscription;
};

/* From Redis when it has ended and its subscription is known, else from Stripe. */
enum result billing_session_status(const struct billing *billing, const char *id,
    struct session_status *status, struct problem *problem);

#endif
