/* What the targets of libFuzzer share. Each target is one file with one
 * LLVMFuzzerTestOneInput, which asserts what must hold for any bytes; replay.c runs it over
 * its corpus where there is no libFuzzer. */
#ifndef TOLLGATE_FUZZ_H
#define TOLLGATE_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "secret.h"

#define FUZZ_NOW INT64_C(1800000000)
#define FUZZ_SITE "shop"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes that are not yet taken. */
struct fuzz_input {
	const char *text;
	size_t length;
};

/* What stands before the next `separator`, without it; all of the rest when there is none.
 * A copy of just its size, terminated: the caller's. */
char *fuzz_take(struct fuzz_input *input, const char *separator, size_t *length);
/* Up to the end of the line. */
char *fuzz_line(struct fuzz_input *input);

/* HMAC-SHA256 under the key of all targets, by another way than the program's. */
#define FUZZ_MAC_SIZE 32
void fuzz_mac(const char *text, size_t length, unsigned char mac[FUZZ_MAC_SIZE]);
extern const struct secret fuzz_key;

/* In the place of log_event (ld --wrap): writes nothing, but looks at all that it is given. */
void __wrap_log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
