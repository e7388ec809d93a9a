/* Stripe-Signature: one line of header, then the body. "@" in the header stands for the
 * right signature of the body at FUZZ_NOW, so that mutations get past it. */
#include "stripe_signature.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hex.h"
#include "strbuf.h"

#define HEX_SIZE (2 * FUZZ_MAC_SIZE + 1)

/* The signature of "t.body". */
static void sign(const char *t, int digits, const char *body, size_t length, char hex[HEX_SIZE])
{
	unsigned char mac[FUZZ_MAC_SIZE];
	struct strbuf payload = STRBUF_INIT;

	strbuf_appendf(&payload, "%.*s.", digits, t);
	if (length > 0)
		strbuf_append_bytes(&payload, body, length);
	assert(!payload.failed);
	fuzz_mac(payload.data, payload.length, mac);
	hex_encode(hex, mac, sizeof(mac));
	strbuf_free(&payload);
}

static void expand(struct strbuf *header, const char *line, const char *signature)
{
	strbuf_append(header, "");
	for (; *line != '\0'; line++) {
		if (*line == '@')
			strbuf_append(header, signature);
		else
			strbuf_append_bytes(header, line, 1);
	}
}

/* Valid: its t is near, and the signature that we compute for it is in there. */
static void check_valid(const char *header, const char *body, size_t length)
{
	const char *t = strncmp(header, "t=", 2) == 0 ? header : strstr(header, ",t=") + 1;
	char signature[HEX_SIZE];

	assert(isdigit((unsigned char)t[2]));
	assert(llabs(strtoll(t + 2, NULL, 10) - FUZZ_NOW) <= STRIPE_SIGNATURE_TOLERANCE);
	sign(t + 2, (int)strcspn(t + 2, ","), body, length, signature);
	assert(strcasestr(header, signature) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	struct strbuf header = STRBUF_INIT;
	struct secret wrong = fuzz_key;
	char signature[HEX_SIZE], now[24];
	char *line = fuzz_line(&input);
	const char *body = input.text != NULL ? input.text : "";

	snprintf(now, sizeof(now), "%" PRId64, FUZZ_NOW);
	sign(now, (int)strlen(now), body, input.length, signature);
	expand(&header, line, signature);
	if (stripe_signature_valid(header.data, body, input.length, &fuzz_key, 1, FUZZ_NOW)) {
		check_valid(header.data, body, input.length);
		wrong.length--;
		assert(!stripe_signature_valid(header.data, body, input.length, &wrong, 1, FUZZ_NOW));
	}
	strbuf_free(&header);
	strbuf_appendf(&header, "t=%s,v1=%s", now, signature);
	assert(stripe_signature_valid(header.data, body, input.length, &fuzz_key, 1, FUZZ_NOW));
	strbuf_free(&header);
	free(line);
	return 0;
}
