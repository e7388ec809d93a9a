/* Paying what is open, and paying by something else from now on. */
#ifndef TOLLGATE_BILLING_PAYMENT_H
#define TOLLGATE_BILLING_PAYMENT_H

#include "billing.h"
#include "stripe_invoice_due.h"
#include "stripe_setup_intent.h"

/* As the caller says it; NULL = not said. */
struct payment_wanted {
	const char *subscription;
	const char *setup_intent;
	const char *idempotency_key;
};

/* The invoice that brings the subscription back: the open one; of an `unpaid` one its
 * latest draft, finalized. Without a secret it is paid already. RESULT_CONFLICT
 * `nothing_due`, or `use_portal` where it takes no payment in the browser. */
enum result billing_pay(const struct billing *billing, const struct payment_wanted *wanted,
    struct stripe_invoice_due *invoice, struct problem *problem);

/* A SetupIntent of the customer whose the subscription is; without one, for all that she
 * has. RESULT_NOT_FOUND `customer_missing`. */
enum result billing_method_begin(const struct billing *billing,
    const struct payment_wanted *wanted, struct stripe_setup_intent *intent,
    struct problem *problem);
/* Once `setup_intent` has succeeded, its payment method is the default one of what it was
 * for, and of the customer. Until then nothing is changed. RESULT_NOT_FOUND
 * `setup_intent_unknown` when it is not hers. */
enum result billing_method_finish(const struct billing *billing,
    const struct payment_wanted *wanted, struct stripe_setup_intent *intent,
    struct problem *problem);

#endif
