#include "strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 128

/* Room for `more` bytes and the terminator. Not realloc: it would leave a copy
 * of what may be a secret behind, where strbuf_wipe cannot reach it. */
static bool reserve(struct strbuf *buf, size_t more)
{
	size_t size = buf->size > 0 ? buf->size : SIZE_FIRST;
	char *data;

	if (buf->failed || more >= SIZE_MAX / 2 - buf->length) {
		buf->failed = true;
		return false;
	}
	if (buf->data != NULL && buf->length + more < buf->size)
		return true;
	while (size <= buf->length + more)
		size *= 2;
	data = malloc(size);
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->length);
		explicit_bzero(buf->data, buf->length);
		free(buf->data);
	}
	buf->data = data;
	buf->size = size;
	return true;
}

void strbuf_append(struct strbuf *buf, const char *text)
{
	strbuf_append_bytes(buf, text, strlen(text));
}

void strbuf_append_bytes(struct strbuf *buf, const void *bytes, size_t length)
{
	if (!reserve(buf, length))
		return;
	if (length > 0)
		memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void strbuf_appendf(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		buf->failed = true;
	if (length < 0 || !reserve(buf, (size_t)length))
		return;
	va_start(args, format);
	if (vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args) != length)
		buf->failed = true;
	else
		buf->length += (size_t)length;
	va_end(args);
	buf->data[buf->length] = '\0';
}

const char *strbuf_text(const struct strbuf *buf)
{
	if (buf->failed)
		return NULL;
	return buf->data != NULL ? buf->data : "";
}

void strbuf_free(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf)STRBUF_INIT;
}

void strbuf_wipe(struct strbuf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->size);
	strbuf_free(buf);
}
