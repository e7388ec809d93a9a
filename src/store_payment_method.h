/* Payment methods as they were last shown, so that an account page need not ask Stripe. */
#ifndef TOLLGATE_STORE_PAYMENT_METHOD_H
#define TOLLGATE_STORE_PAYMENT_METHOD_H

#include "store.h"
#include "subscription.h"

struct store_payment_method {
	char customer[STRIPE_ID_SIZE];
	int64_t generation;        /* of the customer, when Stripe was asked */
	struct json_object *shown; /* the caller's when it was read */
};

/* `about` is its own id, or that of the customer or subscription whose default it
 * is. RESULT_NOT_FOUND when it is not there, or ten minutes old. */
enum result store_payment_method_read(struct store *store, const struct site *site,
    const char *about, struct store_payment_method *method);
enum result store_payment_method_write(struct store *store, const struct site *site,
    const char *about, const struct store_payment_method *method);

#endif
