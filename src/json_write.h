/* Building json-c objects. What finds no memory spoils the object it was for, and
 * with it all that holds that one: a spoiled object has no text, so that only who
 * writes it has to look. */
#ifndef TOLLGATE_JSON_WRITE_H
#define TOLLGATE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* Each returns false when it spoiled `object`, which may be NULL. */

/* Takes over `value`, whatever comes of it. NULL, as a text too, is one that found no memory. */
bool json_add(struct json_object *object, const char *key, struct json_object *value);
bool json_add_text(struct json_object *object, const char *key, const char *text);
bool json_add_integer(struct json_object *object, const char *key, int64_t number);
bool json_add_truth(struct json_object *object, const char *key, bool truth);
/* Nothing for NULL and "". */
bool json_add_text_if_any(struct json_object *object, const char *key, const char *text);
/* "" and 0 are null. */
bool json_add_text_or_null(struct json_object *object, const char *key, const char *text);
bool json_add_integer_or_null(struct json_object *object, const char *key, int64_t number);
/* A further reference to what was read elsewhere; NULL is null. */
bool json_add_read(struct json_object *object, const char *key, struct json_object *value);
/* As json_add, at the end of an array. */
bool json_append(struct json_object *array, struct json_object *value);

/* The text, borrowed until the object changes or ends; NULL for a spoiled object, or NULL. */
const char *json_write(struct json_object *object);

#endif
