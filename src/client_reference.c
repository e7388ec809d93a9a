#include "client_reference.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base64url.h"
#include "strbuf.h"

#define EXPIRY_BYTES 4
#define MAC_BYTES 16
#define HEAD_BYTES (EXPIRY_BYTES + MAC_BYTES)

/* The same key signs identity tokens, whose text begins with "eyJ": neither can
 * be taken for the other. Site names hold no NUL. */
static const char purpose[] = "tollgate client reference";

static bool sign(const unsigned char expiry[EXPIRY_BYTES], const char *user, const char *site,
    const struct secret *key, unsigned char mac[MAC_BYTES])
{
	unsigned char whole[EVP_MAX_MD_SIZE];
	struct strbuf text = STRBUF_INIT;
	unsigned n = 0;
	bool done;

	strbuf_append_bytes(&text, purpose, sizeof(purpose));
	strbuf_append_bytes(&text, site, strlen(site) + 1);
	strbuf_append_bytes(&text, expiry, EXPIRY_BYTES);
	strbuf_append(&text, user);
	done = !text.failed && HMAC(EVP_sha256(), key->text, (int)key->length,
	    (const unsigned char *)text.data, text.length, whole, &n) != NULL && n >= MAC_BYTES;
	if (done)
		memcpy(mac, whole, MAC_BYTES);
	strbuf_free(&text);
	return done;
}

bool client_reference_make(const char *user, const char *site, const struct secret *key,
    int64_t expires, char reference[CLIENT_REFERENCE_SIZE])
{
	unsigned char bytes[HEAD_BYTES + IDENTITY_USER_MAX];
	char text[CLIENT_REFERENCE_SIZE + 2];
	size_t length = strlen(user);
	int i;

	if (!identity_user_valid(user) || expires < 0 || expires > UINT32_MAX)
		return false;
	for (i = 0; i < EXPIRY_BYTES; i++)
		bytes[i] = (unsigned char)(expires >> (8 * (EXPIRY_BYTES - 1 - i)));
	memcpy(bytes + HEAD_BYTES, user, length);
	if (!sign(bytes, user, site, key, bytes + EXPIRY_BYTES) ||
	    !base64url_encode(bytes, HEAD_BYTES + length, text))
		return false;
	strcpy(reference, text);
	return true;
}

static bool signed_by_any(const unsigned char *bytes, const char *user, const char *site,
    const struct secret *keys, size_t n_keys)
{
	unsigned char mac[MAC_BYTES];
	size_t i;

	for (i = 0; i < n_keys; i++)
		if (sign(bytes, user, site, &keys[i], mac) &&
		    CRYPTO_memcmp(mac, bytes + EXPIRY_BYTES, MAC_BYTES) == 0)
			return true;
	return false;
}

bool client_reference_read(const char *reference, const char *site, const struct secret *keys,
    size_t n_keys, int64_t at, char user[IDENTITY_USER_MAX + 1])
{
	unsigned char bytes[BASE64URL_MAX];
	char found[IDENTITY_USER_MAX + 1];
	size_t length = strlen(reference), n;
	int64_t expires = 0;
	int i;

	if (length >= CLIENT_REFERENCE_SIZE || !base64url_decode(reference, length, bytes, &n) ||
	    n <= HEAD_BYTES || n > HEAD_BYTES + IDENTITY_USER_MAX)
		return false;
	memcpy(found, bytes + HEAD_BYTES, n - HEAD_BYTES);
	found[n - HEAD_BYTES] = '\0';
	for (i = 0; i < EXPIRY_BYTES; i++)
		expires = expires << 8 | bytes[i];
	if (strlen(found) != n - HEAD_BYTES || expires < at || !identity_user_valid(found) ||
	    !signed_by_any(bytes, found, site, keys, n_keys))
		return false;
	memcpy(user, found, sizeof(found));
	return true;
}
