/* Invoices and what became of their payments (docs.stripe.com/api/invoices). */
#ifndef TOLLGATE_STRIPE_INVOICE_H
#define TOLLGATE_STRIPE_INVOICE_H

#include "stripe.h"
#include "subscription.h"

/* An invoice of a subscription, and how that stands. */
struct stripe_invoice {
	char id[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE];
	bool draft;
	bool auto_advance;
	bool tax_failed;                /* automatic_tax.status: computing it is worth another try */
	bool has_subscription;
	enum subscription_status status;
	enum pause_collection pause_collection;
	bool metered;                   /* any item is billed by usage */
};

/* With its subscription expanded; RESULT_NOT_FOUND. */
enum result stripe_invoice_retrieve(struct stripe *stripe, const struct site *site, const char *id,
    struct stripe_invoice *invoice, struct problem *problem);
/* *invoice as it is afterwards. */
enum result stripe_invoice_finalize(struct stripe *stripe, const struct site *site, const char *id,
    const char *idempotency_key, struct stripe_invoice *invoice, struct problem *problem);

/* When a subscription's oldest open invoice was finalized, or was due where
 * invoices are sent. 0 = it has none. */
enum result stripe_invoice_open_since(struct stripe *stripe, const struct site *site,
    const char *subscription, int64_t *since, struct problem *problem);

/* Whether an invoice of it, but for `waiting` ("" = none), is still to be paid: open, or for
 * time that is not over `now` and a draft or given up as uncollectible. */
enum result stripe_invoice_owed(struct stripe *stripe, const struct site *site,
    const char *subscription, const char *waiting, int64_t now, bool *owed, struct problem *problem);

/* A subscription's first invoice, the caller's; NULL when Stripe lists none. */
enum result stripe_invoice_first(struct stripe *stripe, const struct site *site,
    const struct subscription *subscription, struct json_object **invoice, struct problem *problem);

/* PAID, PROCESSING, or FAILED when no payment of it is under way. */
enum result stripe_invoice_payments(struct stripe *stripe, const struct site *site,
    const char *invoice, enum first_payment *state, struct problem *problem);

#endif
