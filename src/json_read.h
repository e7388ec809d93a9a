/* Reading json-c objects by JSON pointer (RFC 6901), with one answer for "absent". */
#ifndef TOLLGATE_JSON_READ_H
#define TOLLGATE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* JSON bytes from outside: strict, UTF-8, one object of at most 32 levels, no
 * name twice in it (RFC 8259, section 4) and nothing behind it. The caller's, or NULL. */
struct json_object *json_parse_object(const char *text, size_t length);

/* All borrow from `object`. NULL, 0 or false when absent, null or of another type. */
struct json_object *json_at(struct json_object *object, const char *pointer);
/* NULL also for a string with a NUL inside. */
const char *json_text(struct json_object *object, const char *pointer);
/* What is beyond 2^53, which not every reader holds (RFC 8259, section 6), is taken for
 * 2^53, so that a time can be added to it. */
int64_t json_integer(struct json_object *object, const char *pointer);
/* The same of a value; false, and *number unchanged, for what is none. */
bool json_integer_read(struct json_object *value, int64_t *number);
bool json_truth(struct json_object *object, const char *pointer);
bool json_text_is(struct json_object *object, const char *pointer, const char *word);
/* How many elements an array has; 0 for what is none. */
size_t json_length(struct json_object *array);
/* An id, or the id of an object that was expanded in its place. */
const char *json_id(struct json_object *object, const char *pointer);

/* False when it does not fit; absent gives "". */
bool json_copy_text(struct json_object *object, const char *pointer, char *out, size_t size);
bool json_copy_id(struct json_object *object, const char *pointer, char *out, size_t size);

#endif
