/* Who is asking, from a signed token: HS256 JWT, strictly
 * (RFC 7515 section 5.2, RFC 7519 section 7.2, RFC 8725 sections 3.1 to 3.12). */
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
 * {"alg":"HS256","typ":"JWT"} byte for byte, signed by one of `keys`, with
 * `aud` = site, `sub` a valid user and `exp` after `now`. Its `scope` may list
 * "server" (RFC 8693, section 4.2). */
bool identity_verify(const char *token, const struct secret *keys, size_t n_keys,
    const char *site, int64_t now, struct identity *identity);

/* A list of words, separated by blanks, has "server". */
bool identity_scope_is_server(const char *scope);

/* The SHA-256 of the user id in hex, as it stands in key names. */
void identity_user_hash(const char *user, char hash[65]);

#endif
