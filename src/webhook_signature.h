/* Signing what the site is sent, as the Standard Webhooks specification has it
 * (github.com/standard-webhooks/standard-webhooks, "Signature scheme", symmetric). */
#ifndef TOLLGATE_WEBHOOK_SIGNATURE_H
#define TOLLGATE_WEBHOOK_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"

#define WEBHOOK_KEY_MIN 24        /* bytes */
#define WEBHOOK_SIGNATURE_SIZE 48 /* "v1," and 32 bytes in base64 */

/* A key of 24 bytes or more: behind "whsec_" in base64, without it as it stands. */
bool webhook_secret_valid(const struct secret *secret);

/* The value of webhook-signature; false for a secret that is not valid. */
bool webhook_sign(const struct secret *secret, const char *id, int64_t timestamp,
    const char *payload, char signature[WEBHOOK_SIGNATURE_SIZE]);

#endif
