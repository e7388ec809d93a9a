#include "form.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_client.h"
#include "utf8.h"

#define FORM_PAIRS_MAX 256

struct pair {
	char *key;
	char *value;
};

struct form {
	struct pair *pairs;
	size_t count;
	size_t size;
	bool failed;
};

struct form *form_new(void)
{
	return calloc(1, sizeof(struct form));
}

void form_free(struct form *form)
{
	if (form == NULL)
		return;
	for (size_t i = 0; i < form->count; i++) {
		free(form->pairs[i].key);
		free(form->pairs[i].value);
	}
	free(form->pairs);
	free(form);
}

static bool reserve(struct form *form)
{
	size_t size = form->size > 0 ? form->size * 2 : 16;
	struct pair *pairs;

	if (form->count < form->size)
		return true;
	pairs = reallocarray(form->pairs, size, sizeof(*pairs));
	if (pairs == NULL)
		return false;
	form->pairs = pairs;
	form->size = size;
	return true;
}

/* Takes over key and value, whatever comes of it. */
static void add_owned(struct form *form, char *key, char *value)
{
	if (key == NULL || value == NULL || !reserve(form)) {
		free(key);
		free(value);
		form->failed = true;
		return;
	}
	form->pairs[form->count++] = (struct pair){ key, value };
}

void form_add(struct form *form, const char *key, const char *value)
{
	if (value != NULL)
		add_owned(form, strdup(key), strdup(value));
}

void form_add_int(struct form *form, const char *key, int64_t value)
{
	char digits[sizeof("-9223372036854775808")];

	if (snprintf(digits, sizeof(digits), "%" PRId64, value) < 0)
		form->failed = true;
	else
		form_add(form, key, digits);
}

void form_add_bool(struct form *form, const char *key, bool value)
{
	form_add(form, key, value ? "true" : "false");
}

void form_addf(struct form *form, const char *value, const char *key_format, ...)
{
	char *key = NULL;
	va_list args;

	if (value == NULL)
		return;
	va_start(args, key_format);
	if (vasprintf(&key, key_format, args) < 0)
		key = NULL;
	va_end(args);
	add_owned(form, key, strdup(value));
}

bool form_failed(const struct form *form)
{
	return form->failed;
}

const char *form_value(const struct form *form, const char *key)
{
	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->pairs[i].key, key) == 0)
			return form->pairs[i].value;
	}
	return NULL;
}

size_t form_count(const struct form *form, const char *key)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->pairs[i].key, key) == 0)
			count++;
	}
	return count;
}

static void encode(struct strbuf *out, const char *text)
{
	char *escaped = http_escape(text, strlen(text));

	if (escaped != NULL)
		strbuf_append(out, escaped);
	else
		out->failed = true;
	free(escaped);
}

void form_encode(const struct form *form, struct strbuf *out)
{
	for (size_t i = 0; i < form->count; i++) {
		if (i > 0)
			strbuf_append(out, "&");
		encode(out, form->pairs[i].key);
		strbuf_append(out, "=");
		encode(out, form->pairs[i].value);
	}
	if (form->failed)
		out->failed = true;
}

/* The caller's; NULL for a broken escape, a NUL byte or invalid UTF-8. */
static char *decode(const char *text, size_t length)
{
	char *spaced = strndup(text, length);
	char *decoded;
	size_t decoded_length;

	if (spaced == NULL)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		if (spaced[i] == '+')
			spaced[i] = ' ';
	}
	decoded = http_unescape(spaced, length, &decoded_length);
	free(spaced);
	if (decoded != NULL && (memchr(decoded, '\0', decoded_length) != NULL
	    || !utf8_valid(decoded, decoded_length))) {
		free(decoded);
		return NULL;
	}
	return decoded;
}

static void parse_pair(struct form *form, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	size_t key_length = equals != NULL ? (size_t)(equals - text) : length;
	size_t value_start = equals != NULL ? key_length + 1 : length;

	add_owned(form, decode(text, key_length), decode(text + value_start, length - value_start));
}

struct form *form_parse(const char *text, size_t length)
{
	struct form *form = form_new();
	const char *end = text + length;

	if (form == NULL)
		return NULL;
	/* strndup in decode would cut at it. */
	form->failed = length > 0 && memchr(text, '\0', length) != NULL;
	while (text < end && !form->failed) {
		const char *ampersand = memchr(text, '&', (size_t)(end - text));
		const char *stop = ampersand != NULL ? ampersand : end;

		if (stop > text)
			parse_pair(form, text, (size_t)(stop - text));
		if (form->count > FORM_PAIRS_MAX)
			form->failed = true;
		text = stop < end ? stop + 1 : end;
	}
	if (form->failed) {
		form_free(form);
		return NULL;
	}
	return form;
}
