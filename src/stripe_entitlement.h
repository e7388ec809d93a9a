/* Features (docs.stripe.com/billing/entitlements): which a customer has, which a product gives. */
#ifndef TOLLGATE_STRIPE_ENTITLEMENT_H
#define TOLLGATE_STRIPE_ENTITLEMENT_H

#include "stripe.h"
#include "subscription.h"

/* Lookup keys of the active entitlements, all pages. The caller frees *features. */
enum result stripe_entitlement_list(struct stripe *stripe, const struct site *site,
    const char *customer, char (**features)[LOOKUP_KEY_SIZE], size_t *n_features,
    struct problem *problem);

/* The same of what a product gives; RESULT_NOT_FOUND when there is none such. */
enum result stripe_product_feature_list(struct stripe *stripe, const struct site *site,
    const char *product, char (**features)[LOOKUP_KEY_SIZE], size_t *n_features,
    struct problem *problem);

#endif
