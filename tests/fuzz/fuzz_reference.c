/* A client_reference_id names a user only when it is what we would make for her. The input
 * is taken as a reference, and as a user. */
#include "client_reference.h"

#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "fuzz.h"

static void check_text(const char *text)
{
	unsigned char bytes[BASE64URL_MAX];
	char again[CLIENT_REFERENCE_SIZE];
	char user[IDENTITY_USER_MAX + 1];
	int64_t expires = 0;
	size_t n;

	if (!client_reference_read(text, FUZZ_SITE, &fuzz_key, 1, FUZZ_NOW, user))
		return;
	assert(base64url_decode(text, strlen(text), bytes, &n));
	for (size_t i = 0; i < 4; i++)
		expires = expires << 8 | bytes[i];
	assert(expires >= FUZZ_NOW);
	assert(client_reference_make(user, FUZZ_SITE, &fuzz_key, expires, again));
	assert(strcmp(again, text) == 0);
}

static void check_user(const char *user)
{
	char reference[CLIENT_REFERENCE_SIZE];
	char found[IDENTITY_USER_MAX + 1];

	if (!client_reference_make(user, FUZZ_SITE, &fuzz_key, FUZZ_NOW, reference)) {
		assert(!identity_user_valid(user));
		return;
	}
	assert(client_reference_read(reference, FUZZ_SITE, &fuzz_key, 1, FUZZ_NOW, found));
	assert(strcmp(found, user) == 0);
	assert(!client_reference_read(reference, FUZZ_SITE, &fuzz_key, 1, FUZZ_NOW + 1, found));
	assert(!client_reference_read(reference, "other", &fuzz_key, 1, FUZZ_NOW, found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	char *text = fuzz_line(&input);

	check_text(text);
	check_user(text);
	free(text);
	return 0;
}
