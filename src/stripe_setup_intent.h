/* Keeping a payment method for later (docs.stripe.com/api/setup_intents). */
#ifndef TOLLGATE_STRIPE_SETUP_INTENT_H
#define TOLLGATE_STRIPE_SETUP_INTENT_H

#include "stripe_subscription.h"

struct stripe_setup_intent {
	char id[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE];
	char subscription[STRIPE_ID_SIZE];      /* metadata[tollgate_subscription], "" = none */
	char payment_method[STRIPE_ID_SIZE];    /* "" until there is one */
	char status[32];
	char client_secret[STRIPE_SECRET_SIZE];
};

/* `subscription` is what it is for, NULL = all of the customer's. */
enum result stripe_setup_intent_create(struct stripe *stripe, const struct site *site,
    const char *customer, const char *subscription, const char *idempotency_key,
    struct stripe_setup_intent *intent, struct problem *problem);
/* RESULT_NOT_FOUND when there is none such. */
enum result stripe_setup_intent_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_setup_intent *intent, struct problem *problem);

/* What is charged from now on, of the customer's payment methods. */
enum result stripe_customer_set_method(struct stripe *stripe, const struct site *site,
    const char *customer, const char *payment_method, const char *idempotency_key,
    struct problem *problem);

#endif
