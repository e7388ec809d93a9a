#include "json_read.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 32

struct json_object *json_parse_object(const char *text, size_t length)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	if (length > INT_MAX || (tokener = json_tokener_new_ex(DEPTH_MAX)) == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != length ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

struct json_object *json_at(struct json_object *object, const char *pointer)
{
	struct json_object *found = NULL;

	if (object == NULL || json_pointer_get(object, pointer, &found) != 0)
		return NULL;
	return found;
}

static const char *text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *json_text(struct json_object *object, const char *pointer)
{
	return text_of(json_at(object, pointer));
}

bool json_text_is(struct json_object *object, const char *pointer, const char *word)
{
	const char *text = json_text(object, pointer);

	return text != NULL && strcmp(text, word) == 0;
}

size_t json_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

int64_t json_integer(struct json_object *object, const char *pointer)
{
	struct json_object *value = json_at(object, pointer);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

bool json_truth(struct json_object *object, const char *pointer)
{
	struct json_object *value = json_at(object, pointer);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

const char *json_id(struct json_object *object, const char *pointer)
{
	struct json_object *value = json_at(object, pointer);

	return json_object_is_type(value, json_type_object) ? json_text(value, "/id") : text_of(value);
}

static bool copy(const char *text, char *out, size_t size)
{
	int length = snprintf(out, size, "%s", text != NULL ? text : "");

	return length >= 0 && (size_t)length < size;
}

bool json_copy_text(struct json_object *object, const char *pointer, char *out, size_t size)
{
	return copy(json_text(object, pointer), out, size);
}

bool json_copy_id(struct json_object *object, const char *pointer, char *out, size_t size)
{
	return copy(json_id(object, pointer), out, size);
}
