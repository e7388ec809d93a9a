#include "stripe_signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define MAC_SIZE 32
#define TIMESTAMP_DIGITS_MAX 15

struct element {
	const char *scheme, *value;
	size_t scheme_length, value_length;
};

/* The element at *cursor, which moves behind it; false at the end and for what is none. */
static bool element_next(const char **cursor, struct element *element)
{
	size_t length = strcspn(*cursor, ",");
	const char *equals = memchr(*cursor, '=', length);

	if (!equals)
		return false;
	element->scheme = *cursor;
	element->scheme_length = (size_t)(equals - *cursor);
	element->value = equals + 1;
	element->value_length = length - element->scheme_length - 1;
	*cursor += length + ((*cursor)[length] == ',');
	return true;
}

static bool element_is(const struct element *element, const char *scheme)
{
	return element->scheme_length == strlen(scheme)
	    && memcmp(element->scheme, scheme, element->scheme_length) == 0;
}

/* The header's only t. */
static bool timestamp_find(const char *header, struct element *timestamp)
{
	struct element element;
	size_t found = 0;

	while (element_next(&header, &element)) {
		if (!element_is(&element, "t"))
			continue;
		*timestamp = element;
		found++;
	}
	return found == 1 && timestamp->value_length > 0
	    && timestamp->value_length <= TIMESTAMP_DIGITS_MAX
	    && strspn(timestamp->value, "0123456789") == timestamp->value_length;
}

static bool timestamp_fresh(const struct element *timestamp, int64_t now)
{
	int64_t signed_at = strtoll(timestamp->value, NULL, 10);

	return llabs(now - signed_at) <= STRIPE_SIGNATURE_TOLERANCE;
}

/* HMAC-SHA256 over "t.body". */
static bool mac_make(const struct secret *secret, const struct element *timestamp,
    const char *body, size_t length, unsigned char mac[MAC_SIZE])
{
	char sha256[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
	size_t written = 0;
	bool made = context
	    && EVP_MAC_init(context, (const unsigned char *)secret->text, secret->length, params)
	    && EVP_MAC_update(context, (const unsigned char *)timestamp->value,
	        timestamp->value_length)
	    && EVP_MAC_update(context, (const unsigned char *)".", 1)
	    && EVP_MAC_update(context, (const unsigned char *)body, length)
	    && EVP_MAC_final(context, mac, &written, MAC_SIZE);

	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
	return made && written == MAC_SIZE;
}

static bool mac_decode(const struct element *element, unsigned char mac[MAC_SIZE])
{
	char hex[MAC_SIZE * 2 + 1];
	size_t written;

	if (element->value_length != MAC_SIZE * 2)
		return false;
	memcpy(hex, element->value, MAC_SIZE * 2);
	hex[MAC_SIZE * 2] = '\0';
	return OPENSSL_hexstr2buf_ex(mac, MAC_SIZE, &written, hex, '\0') && written == MAC_SIZE;
}

/* Looks at all v1 of the header, whichever matches. */
static bool header_holds(const char *header, const unsigned char expected[MAC_SIZE])
{
	unsigned char candidate[MAC_SIZE];
	struct element element;
	bool holds = false;

	while (element_next(&header, &element)) {
		if (element_is(&element, "v1") && mac_decode(&element, candidate))
			holds |= CRYPTO_memcmp(candidate, expected, MAC_SIZE) == 0;
	}
	return holds;
}

bool stripe_signature_valid(const char *header, const char *body, size_t length,
    const struct secret *secrets, size_t n_secrets, int64_t now)
{
	unsigned char expected[MAC_SIZE];
	struct element timestamp = { 0 };
	bool valid = false;

	if (!timestamp_find(header, &timestamp) || !timestamp_fresh(&timestamp, now))
		return false;
	for (size_t i = 0; i < n_secrets; i++) {
		if (mac_make(&secrets[i], &timestamp, body, length, expected))
			valid |= header_holds(header, expected);
	}
	OPENSSL_cleanse(expected, sizeof(expected));
	return valid;
}
