/* Who is asking, from a signed token: an HS256 JWT in the compact form, strictly.
 *
 * RFC 7515: 2 and 7.1, three parts in base64url without padding; 5.2, all of its steps
 * or no identity, with the header compared as bytes, so that no "alg", "crit" (4.1.11),
 * "kid" or "jku" of a token is ever acted on.
 * RFC 7519: 7.2; 4, of which no claim may come twice; 4.1.2 to 4.1.5.
 * RFC 8725: 3.1 one algorithm, 3.2 a sound one, 3.3 nothing is believed before its
 * signature, 3.5 keys of 32 bytes, 3.7 UTF-8 only, 3.8 and 3.9 a subject for one site,
 * 3.10 no claim leads anywhere, 3.12 what else the key signs (client_reference.h) is
 * never a token. 3.4 and 3.6 are about what we do not have. There is no "iss", since
 * a key belongs to one site, and no type of its own (3.11), since no other JWT does. */
#ifndef TOLLGATE_IDENTITY_H
#define TOLLGATE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secret.h"

#define IDENTITY_USER_MAX 128
#define IDENTITY_EMAIL_MAX 254

struct identity {
	char user[IDENTITY_USER_MAX + 1]; /* "" = nobody */
	char email[IDENTITY_EMAIL_MAX + 1];
	bool by_bearer;                   /* proven by an Authorization header */
	bool server;                      /* the site's own server speaks for her: scope "server" */
};

/* 1 to 128 bytes of printable UTF-8, no control characters. */
bool identity_user_valid(const char *user);

/* True, and *identity filled, only for a token whose header is
 * {"alg":"HS256","typ":"JWT"} byte for byte, signed by one of `keys`, with `aud` = site
 * or a list that has it, `sub` a valid user, `exp` after `now` and not in milliseconds, and
 * `nbf`, if any, at most 60 s ahead. Its `scope` may list "server" (RFC 8693, section 4.2). */
bool identity_verify(const char *token, const struct secret *keys, size_t n_keys,
    const char *site, int64_t now, struct identity *identity);

/* A list of words, separated by blanks, has "server". */
bool identity_scope_is_server(const char *scope);

/* The SHA-256 of the user id in hex, as it stands in key names. False when there is
 * no memory: to go on without it would mix users. */
bool identity_user_hash(const char *user, char hash[65]) __attribute__((warn_unused_result));

#endif
