#include "webhook_signature.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "strbuf.h"

#define PREFIX "whsec_"
#define SCHEME "v1,"
#define MAC_SIZE 32
#define KEY_SIZE 4096 /* as long as a secret file may be */

struct key {
	unsigned char bytes[KEY_SIZE];
	size_t length;
};

/* EVP_DecodeBlock skips blanks, counts the padding as bytes, and refuses a length
 * that is no multiple of four. */
static bool base64_decode(const char *text, size_t length, struct key *key)
{
	size_t digits = strspn(text,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t padding = length - digits;

	if (padding > 2 || strspn(text + digits, "=") != padding
	    || length / 4 * 3 > sizeof(key->bytes)
	    || EVP_DecodeBlock(key->bytes, (const unsigned char *)text, (int)length) < 0)
		return false;
	key->length = length / 4 * 3 - padding;
	return true;
}

static bool key_read(const struct secret *secret, struct key *key)
{
	size_t prefix = strlen(PREFIX);

	if (secret->length >= prefix && memcmp(secret->text, PREFIX, prefix) == 0)
		return base64_decode(secret->text + prefix, secret->length - prefix, key)
		    && key->length >= WEBHOOK_KEY_MIN;
	if (secret->length < WEBHOOK_KEY_MIN || secret->length > sizeof(key->bytes))
		return false;
	memcpy(key->bytes, secret->text, secret->length);
	key->length = secret->length;
	return true;
}

bool webhook_secret_valid(const struct secret *secret)
{
	struct key key;
	bool valid = key_read(secret, &key);

	OPENSSL_cleanse(&key, sizeof(key));
	return valid;
}

static bool mac_make(const struct key *key, const char *id, int64_t timestamp,
    const char *payload, unsigned char mac[MAC_SIZE])
{
	struct strbuf content = STRBUF_INIT;
	unsigned length = 0;
	bool made;

	strbuf_appendf(&content, "%s.%" PRId64 ".%s", id, timestamp, payload);
	made = !content.failed
	    && HMAC(EVP_sha256(), key->bytes, (int)key->length, (const unsigned char *)content.data,
	        content.length, mac, &length)
	    && length == MAC_SIZE;
	strbuf_free(&content);
	return made;
}

bool webhook_sign(const struct secret *secret, const char *id, int64_t timestamp,
    const char *payload, char signature[WEBHOOK_SIGNATURE_SIZE])
{
	unsigned char mac[MAC_SIZE];
	struct key key;
	bool signing = key_read(secret, &key) && mac_make(&key, id, timestamp, payload, mac);

	OPENSSL_cleanse(&key, sizeof(key));
	if (!signing)
		return false;
	memcpy(signature, SCHEME, strlen(SCHEME));
	EVP_EncodeBlock((unsigned char *)signature + strlen(SCHEME), mac, sizeof(mac));
	return true;
}
