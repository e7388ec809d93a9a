/* Invoices that the customer pays herself, with the secret to do it. */
#ifndef TOLLGATE_STRIPE_INVOICE_DUE_H
#define TOLLGATE_STRIPE_INVOICE_DUE_H

#include "stripe_subscription.h"

struct stripe_invoice_due {
	char id[STRIPE_ID_SIZE];
	char status[16];                         /* draft, open, paid, uncollectible, void */
	char client_secret[STRIPE_SECRET_SIZE];  /* of its payment; "" = it takes none in the browser */
	int64_t amount_due;
};

/* RESULT_NOT_FOUND when there is none such. */
enum result stripe_invoice_due_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_invoice_due *invoice, struct problem *problem);
/* A draft, to advance from now on by itself. */
enum result stripe_invoice_due_finalize(struct stripe *stripe, const struct site *site,
    const char *id, const char *idempotency_key, struct stripe_invoice_due *invoice,
    struct problem *problem);
/* The subscription's newest open one; RESULT_NOT_FOUND when it has none. */
enum result stripe_invoice_due_open(struct stripe *stripe, const struct site *site,
    const char *subscription, struct stripe_invoice_due *invoice, struct problem *problem);

#endif
