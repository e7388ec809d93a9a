/* UTF-8 as RFC 3629 defines it, checked where text from outside comes in. */
#ifndef TOLLGATE_UTF8_H
#define TOLLGATE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *text, size_t length);

/* Bytes of the printable character at `text`; 0 for a control character (C0,
 * DEL, C1, line and paragraph separator) and for what is not UTF-8. */
size_t utf8_printable_length(const char *text, size_t length);

/* Valid, and every character printable. */
bool utf8_printable(const char *text, size_t length);

#endif
