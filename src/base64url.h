/* base64url without padding, one text for each value (RFC 4648, sections 3.2, 3.3, 3.5 and 5). */
#ifndef TOLLGATE_BASE64URL_H
#define TOLLGATE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#define BASE64URL_MAX 4096 /* characters */

/* *n bytes into `out`, which has room for BASE64URL_MAX. False for padding, any other
 * character, bits behind the last byte, no text or too much of it. */
bool base64url_decode(const char *text, size_t length, unsigned char *out, size_t *n);

/* The text, terminated, into `out`: (4 * n + 2) / 3 + 1 characters and 2 more to work
 * in. False for none, or more than BASE64URL_MAX characters hold. */
bool base64url_encode(const unsigned char *bytes, size_t n, char *out);

#endif
