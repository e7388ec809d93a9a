/* Payment methods (docs.stripe.com/api/payment_methods), as far as they are shown. */
#ifndef TOLLGATE_STRIPE_PAYMENT_METHOD_H
#define TOLLGATE_STRIPE_PAYMENT_METHOD_H

#include "stripe.h"
#include "subscription.h"

struct stripe_payment_method {
	char customer[STRIPE_ID_SIZE]; /* "" = nobody's */
	struct json_object *shown;     /* id, type, and of the type brand, last4, expiry: the caller's */
};

/* Each is RESULT_NOT_FOUND when there is none. */
enum result stripe_payment_method_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_payment_method *method, struct problem *problem);
/* The subscription's default one, else its customer's. */
enum result stripe_payment_method_of_subscription(struct stripe *stripe, const struct site *site,
    const char *subscription, struct stripe_payment_method *method, struct problem *problem);
enum result stripe_payment_method_of_customer(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_payment_method *method, struct problem *problem);

#endif
