/* Whom a payment is of that does not begin with us: the client_reference_id of a
 * Payment Link or a pricing table, signed with the site's identity key.
 *
 * Stripe takes 200 letters, digits, "-" and "_": base64url of the expiry (4 bytes,
 * big endian), half an HMAC-SHA256 (RFC 2104, section 5) and the user's id. */
#ifndef TOLLGATE_CLIENT_REFERENCE_H
#define TOLLGATE_CLIENT_REFERENCE_H

#include "identity.h"

#define CLIENT_REFERENCE_SIZE 201

/* False when `expires` does not fit, or OpenSSL fails. */
bool client_reference_make(const char *user, const char *site, const struct secret *key,
    int64_t expires, char reference[CLIENT_REFERENCE_SIZE]);

/* True, and `user` filled, only for what client_reference_make made for this site with
 * one of `keys`, and not to expire before `at`. */
bool client_reference_read(const char *reference, const char *site, const struct secret *keys,
    size_t n_keys, int64_t at, char user[IDENTITY_USER_MAX + 1]);

#endif
