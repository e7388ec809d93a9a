/* By what the caller pays: her card or account, as it may be shown to her. */
#ifndef TOLLGATE_BILLING_PAYMENT_METHOD_H
#define TOLLGATE_BILLING_PAYMENT_METHOD_H

#include "billing.h"

struct json_object;

/* NULL = not said. */
struct payment_method_wanted {
	const char *id;
	const char *subscription; /* its default one */
};

/* The one she names, the default one of her subscription, or of her customer.
 * *shown is the caller's. RESULT_NOT_FOUND `payment_method_unknown` when it is not
 * hers or there is none. */
enum result billing_payment_method_find(const struct billing *billing,
    const struct payment_method_wanted *wanted, struct json_object **shown,
    struct problem *problem);

#endif
