/* What a change would come to (docs.stripe.com/api/invoices/create_preview). */
#ifndef TOLLGATE_STRIPE_INVOICE_PREVIEW_H
#define TOLLGATE_STRIPE_INVOICE_PREVIEW_H

#include "stripe_subscription_write.h"

struct json_object;

/* With the change's own proration settings; `trial_end` 0 = as the change has it. *invoice is
 * Stripe's object, the caller's. */
enum result stripe_invoice_preview(struct stripe *stripe, const struct site *site,
    const char *subscription, const struct stripe_item_change *change, int64_t trial_end,
    const char *idempotency_key, struct json_object **invoice, struct problem *problem);

#endif
