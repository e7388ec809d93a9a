/* application/x-www-form-urlencoded (WHATWG URL, section 5), both ways:
 * Stripe's bodies out, browsers' forms and query strings in. */
#ifndef TOLLGATE_FORM_H
#define TOLLGATE_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct form;

struct form *form_new(void);
void form_free(struct form *form);

/* Key and value are copied. A NULL value adds nothing. Failure of an
 * allocation is sticky, form_failed tells it. */
void form_add(struct form *form, const char *key, const char *value);
void form_add_int(struct form *form, const char *key, int64_t value);
void form_add_bool(struct form *form, const char *key, bool value);
/* The key is made as printf would: form_addf(form, price, "line_items[%d][price]", i). */
void form_addf(struct form *form, const char *value, const char *key_format, ...)
    __attribute__((format(printf, 3, 4)));
bool form_failed(const struct form *form);

/* First value of `key`, or NULL; borrowed from the form. */
const char *form_value(const struct form *form, const char *key);
size_t form_count(const struct form *form, const char *key);

/* Appends the encoded pairs in the order they were added. */
void form_encode(const struct form *form, struct strbuf *out);

/* The caller's, or NULL for a malformed escape, a NUL byte, invalid UTF-8 or
 * more than 256 pairs. */
struct form *form_parse(const char *text, size_t length);

#endif
