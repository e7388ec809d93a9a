/* A growing string. Allocation failure is sticky: append on, check once. */
#ifndef TOLLGATE_STRBUF_H
#define TOLLGATE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data;    /* always terminated, never NULL after the first append */
	size_t length;
	size_t size;
	bool failed;
};

#define STRBUF_INIT { 0 }

void strbuf_append(struct strbuf *buf, const char *text);
void strbuf_append_bytes(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_appendf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "" when empty; NULL when an append failed. Borrowed until the next append. */
const char *strbuf_text(const struct strbuf *buf);

/* Frees and makes it empty again. */
void strbuf_free(struct strbuf *buf);
/* The same, wiping first: for what held a secret. */
void strbuf_wipe(struct strbuf *buf);

#endif
