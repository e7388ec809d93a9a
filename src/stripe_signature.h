/* Stripe-Signature: t=…,v1=… over "t.body" (docs.stripe.com/webhooks/signature). */
#ifndef TOLLGATE_STRIPE_SIGNATURE_H
#define TOLLGATE_STRIPE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secret.h"

#define STRIPE_SIGNATURE_TOLERANCE 300 /* seconds, either way */

/* Any v1 of the header against any secret, compared in constant time. */
bool stripe_signature_valid(const char *header, const char *body, size_t length,
    const struct secret *secrets, size_t n_secrets, int64_t now);

#endif
