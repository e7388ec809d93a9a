#include "identity.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "hex.h"
#include "json_read.h"
#include "utf8.h"

/* {"alg":"HS256","typ":"JWT"} in base64url. Canonical base64 is one to one, so
 * comparing this is comparing the header's bytes, and no algorithm that a token
 * asks for is ever looked at. */
#define TOKEN_HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
#define TOKEN_MAX BASE64URL_MAX
#define KEY_MIN 32 /* RFC 7518, section 3.2 */
#define SIGNATURE_BYTES 32
#define EXP_MAX 99999999999   /* of a year beyond 5000: one in milliseconds, which would hold for ever */
#define CLOCK_SKEW 60         /* seconds that the site's clock may be ahead, RFC 7519, section 4.1.5 */

bool identity_user_valid(const char *user)
{
	size_t length = strlen(user);

	return length >= 1 && length <= IDENTITY_USER_MAX && utf8_printable(user, length);
}

static bool email_valid(const char *email)
{
	size_t length = strlen(email);

	return length >= 1 && length <= IDENTITY_EMAIL_MAX && utf8_printable(email, length);
}

static bool signed_by(const char *text, size_t length, const unsigned char *signature,
    const struct secret *key)
{
	unsigned char expected[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (key->length < KEY_MIN)
		return false;
	if (HMAC(EVP_sha256(), key->text, (int)key->length, (const unsigned char *)text, length,
	    expected, &n) == NULL || n != SIGNATURE_BYTES)
		return false;
	return CRYPTO_memcmp(expected, signature, SIGNATURE_BYTES) == 0;
}

static bool signature_valid(const char *token, const char *dot, const struct secret *keys,
    size_t n_keys)
{
	unsigned char signature[TOKEN_MAX];
	size_t n;

	if (!base64url_decode(dot + 1, strlen(dot + 1), signature, &n) || n != SIGNATURE_BYTES)
		return false;
	for (size_t i = 0; i < n_keys; i++) {
		if (signed_by(token, (size_t)(dot - token), signature, &keys[i]))
			return true;
	}
	return false;
}

static bool is_text(struct json_object *value, const char *text)
{
	size_t length = strlen(text);

	return json_object_is_type(value, json_type_string)
	    && (size_t)json_object_get_string_len(value) == length
	    && memcmp(json_object_get_string(value), text, length) == 0;
}

/* RFC 7519, section 4.1.3: one name, or a list that has it. */
static bool audience_matches(struct json_object *audience, const char *site)
{
	if (!json_object_is_type(audience, json_type_array))
		return is_text(audience, site);
	for (size_t i = 0; i < json_object_array_length(audience); i++) {
		if (is_text(json_object_array_get_idx(audience, i), site))
			return true;
	}
	return false;
}

/* RFC 7519, sections 4.1.4 to 4.1.6; whole seconds only. `exp` has no slack: a site that
 * wants some mints it later. */
static bool times_valid(struct json_object *claims, int64_t now)
{
	struct json_object *iat = json_at(claims, "/iat");
	struct json_object *nbf = json_at(claims, "/nbf");
	int64_t exp = json_integer(claims, "/exp");

	if (exp <= now || exp > EXP_MAX)
		return false;
	if (nbf != NULL && (!json_object_is_type(nbf, json_type_int) ||
	    json_object_get_int64(nbf) > now + CLOCK_SKEW))
		return false;
	return iat == NULL || json_object_is_type(iat, json_type_int);
}

bool identity_scope_is_server(const char *scope)
{
	static const char word[] = "server";
	size_t length;

	for (; *scope != '\0'; scope += length) {
		scope += strspn(scope, " ");
		length = strcspn(scope, " ");
		if (length == sizeof(word) - 1 && memcmp(scope, word, length) == 0)
			return true;
	}
	return false;
}

static bool claims_take(struct json_object *claims, const char *site, int64_t now,
    struct identity *identity)
{
	const char *user = json_text(claims, "/sub");
	const char *email = json_text(claims, "/email");
	const char *scope = json_text(claims, "/scope");

	if (!times_valid(claims, now) || !audience_matches(json_at(claims, "/aud"), site))
		return false;
	if (user == NULL || !identity_user_valid(user))
		return false;
	*identity = (struct identity){ .user = "" };
	strcpy(identity->user, user);
	if (email != NULL && email_valid(email))
		strcpy(identity->email, email);
	identity->server = scope != NULL && identity_scope_is_server(scope);
	return true;
}

bool identity_verify(const char *token, const struct secret *keys, size_t n_keys,
    const char *site, int64_t now, struct identity *identity)
{
	const char *payload = token + sizeof(TOKEN_HEADER) - 1;
	unsigned char json[TOKEN_MAX];
	struct json_object *claims;
	const char *dot;
	bool taken;
	size_t n;

	if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX
	    || strncmp(token, TOKEN_HEADER, sizeof(TOKEN_HEADER) - 1) != 0)
		return false;
	dot = strchr(payload, '.');
	if (dot == NULL || !signature_valid(token, dot, keys, n_keys))
		return false;
	if (!base64url_decode(payload, (size_t)(dot - payload), json, &n))
		return false;
	claims = json_parse_object((const char *)json, n);
	taken = claims != NULL && claims_take(claims, site, now, identity);
	json_object_put(claims);
	return taken;
}

bool identity_user_hash(const char *user, char hash[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(user, strlen(user), digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	hex_encode(hash, digest, 32);
	return true;
}
