/* A customer's invoices as Stripe lists them (docs.stripe.com/api/invoices/list). */
#ifndef TOLLGATE_STRIPE_INVOICE_LIST_H
#define TOLLGATE_STRIPE_INVOICE_LIST_H

#include "stripe.h"

/* Newest first, those behind the invoice `after` ("" = from the first). *list is
 * Stripe's {"data", "has_more"}: the caller's, json_object_put. */
enum result stripe_invoice_list(struct stripe *stripe, const struct site *site,
    const char *customer, int64_t limit, const char *after, struct json_object **list,
    struct problem *problem);

#endif
