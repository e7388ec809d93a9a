/* The caller's own invoices. */
#ifndef TOLLGATE_BILLING_INVOICE_LIST_H
#define TOLLGATE_BILLING_INVOICE_LIST_H

#include "billing.h"

struct json_object;

struct billing_invoice_list {
	struct json_object *data; /* array of Stripe's invoices: the caller's, json_object_put */
	bool has_more;
};

/* Newest first, of one customer after the other where she has several; drafts,
 * which may still change, are left out. `after` NULL = from the first.
 * RESULT_NOT_FOUND `invoice_unknown` when that is not hers. */
enum result billing_invoice_list(const struct billing *billing, int64_t limit, const char *after,
    struct billing_invoice_list *list, struct problem *problem);

#endif
