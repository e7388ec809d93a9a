/* What the endpoints of several programs read alike. */
#ifndef TOLLGATE_ENDPOINT_INPUT_H
#define TOLLGATE_ENDPOINT_INPUT_H

#include "billing_purchase.h"
#include "program.h"

/* The billing context of a request; borrows from both. */
struct billing input_billing(const struct worker *worker, const struct request *request);

/* plan, priceId, lookupKey (also lookup_key) and interval. At most one of the first three. */
enum result input_plan(const struct request *request, struct plan_wanted *wanted,
    struct problem *problem);

/* The same, quantity, currency and promotionCode. */
enum result input_purchase(const struct request *request, struct purchase_wanted *wanted,
    struct problem *problem);

/* request_field, and RESULT_INVALID `parameter_missing` when it is absent. */
enum result input_required(const struct request *request, const char *name, size_t max,
    const char **value, struct problem *problem);

#endif
