/* Finalizing drafts at once, for sites with finalize_invoices = true. */
#ifndef TOLLGATE_BILLING_INVOICE_H
#define TOLLGATE_BILLING_INVOICE_H

#include "billing.h"

/* Finalizes it, if Stripe would do so by itself an hour later and nothing is to
 * be billed by then that is not known now. What Stripe refuses for good is no
 * failure; a tax that could not be computed is, and worth another try.
 * `tries`: how often that failed before. */
enum result billing_invoice_finalize(const struct billing *billing, const char *id, int tries,
    struct problem *problem);

#endif
