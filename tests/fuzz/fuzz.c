#include "fuzz.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char key_text[] = "not a secret: the fuzz targets sign with this";

const struct secret fuzz_key = { key_text, sizeof(key_text) - 1 };

char *fuzz_take(struct fuzz_input *input, const char *separator, size_t *length)
{
	size_t mark = strlen(separator);
	const char *end = input->length > 0 ?
	    memmem(input->text, input->length, separator, mark) : NULL;
	size_t n = end != NULL ? (size_t)(end - input->text) : input->length;
	char *taken = malloc(n + 1);

	assert(taken != NULL);
	if (n > 0)
		memcpy(taken, input->text, n);
	taken[n] = '\0';
	*length = n;
	n += end != NULL ? mark : 0;
	input->length -= n;
	input->text = input->length > 0 ? input->text + n : NULL;
	return taken;
}

char *fuzz_line(struct fuzz_input *input)
{
	size_t length;

	return fuzz_take(input, "\n", &length);
}

void fuzz_mac(const char *text, size_t length, unsigned char mac[FUZZ_MAC_SIZE])
{
	size_t written = 0;

	assert(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, fuzz_key.text, fuzz_key.length,
	    (const unsigned char *)text, length, mac, FUZZ_MAC_SIZE, &written) != NULL);
	assert(written == FUZZ_MAC_SIZE);
}

void __wrap_log_event(enum log_level level, const char *event, ...)
{
	size_t length = strlen(event);
	const char *key;
	va_list args;

	assert(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
	va_start(args, event);
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);

		length += strlen(key) + (value != NULL ? strlen(value) : 0);
	}
	va_end(args);
	assert(length > 0);
}
