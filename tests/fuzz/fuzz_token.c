/* A token proves somebody only when our key signed it, for this site and this time. The
 * input is taken as claims that we sign, and as a token. */
#include "identity.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "fuzz.h"
#include "json_read.h"
#include "utf8.h"

#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
#define TOKEN_SIZE 8192

static const struct identity nobody = { .user = "" };

/* False for more claims than a token holds. */
static bool token_make(const char *claims, size_t length, char token[TOKEN_SIZE])
{
	unsigned char mac[FUZZ_MAC_SIZE];
	size_t end;

	strcpy(token, HEADER);
	if (!base64url_encode((const unsigned char *)claims, length, token + strlen(HEADER)))
		return false;
	end = strlen(token);
	fuzz_mac(token, end, mac);
	token[end] = '.';
	return base64url_encode(mac, sizeof(mac), token + end + 1);
}

static bool audience_has(struct json_object *audience, const char *site)
{
	bool has = false;

	if (json_object_is_type(audience, json_type_string))
		return strcmp(json_object_get_string(audience), site) == 0;
	for (size_t i = 0; i < json_length(audience); i++)
		has |= audience_has(json_object_array_get_idx(audience, i), site);
	return has;
}

/* RFC 7519, section 4.1; identity.h says how far a clock may be ahead. */
static void check_claims(const char *claims, size_t length, const char *site,
    const struct identity *identity)
{
	struct json_object *object = json_parse_object(claims, length);

	assert(object != NULL);
	assert(json_text_is(object, "/sub", identity->user));
	assert(json_integer(object, "/exp") > FUZZ_NOW);
	assert(json_integer(object, "/exp") < FUZZ_NOW * 1000);
	assert(json_integer(object, "/nbf") <= FUZZ_NOW + 60);
	assert(audience_has(json_at(object, "/aud"), site));
	assert(identity->email[0] == '\0' || json_text_is(object, "/email", identity->email));
	assert(!identity->server || strstr(json_text(object, "/scope"), "server") != NULL);
	json_object_put(object);
}

static void check_identity(const struct identity *identity)
{
	assert(identity_user_valid(identity->user) && !identity->by_bearer);
	assert(utf8_printable(identity->email, strlen(identity->email)));
}

static void check_signed(const char *claims, size_t length)
{
	static const char *const names[] = { FUZZ_SITE, "other" };
	struct secret wrong = fuzz_key;
	struct identity identity = nobody;
	char token[TOKEN_SIZE];

	if (!token_make(claims, length, token))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!identity_verify(token, &fuzz_key, 1, names[i], FUZZ_NOW, &identity))
			continue;
		check_identity(&identity);
		check_claims(claims, length, names[i], &identity);
	}
	wrong.length--;
	assert(!identity_verify(token, &wrong, 1, FUZZ_SITE, FUZZ_NOW, &identity));
	assert(!identity_verify(token, NULL, 0, FUZZ_SITE, FUZZ_NOW, &identity));
}

/* Any text: good only when it is what we would have written ourselves. */
static void check_text(const char *text)
{
	unsigned char claims[BASE64URL_MAX];
	struct identity identity = nobody;
	char token[TOKEN_SIZE];
	size_t n;

	if (!identity_verify(text, &fuzz_key, 1, FUZZ_SITE, FUZZ_NOW, &identity))
		return;
	check_identity(&identity);
	assert(strncmp(text, HEADER, strlen(HEADER)) == 0);
	text += strlen(HEADER);
	assert(base64url_decode(text, strcspn(text, "."), claims, &n));
	assert(token_make((const char *)claims, n, token));
	assert(strcmp(token + strlen(HEADER), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	char *text = fuzz_line(&input);

	check_signed((const char *)data, size);
	check_text(text);
	free(text);
	return 0;
}
