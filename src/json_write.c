#include "json_write.h"

#include <json-c/json.h>

#define FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static int no_text(struct json_object *object, struct printbuf *text, int level, int flags)
{
	(void)object;
	(void)text;
	(void)level;
	(void)flags;
	return -1;
}

static bool added(struct json_object *object, bool done)
{
	if (!done && object != NULL)
		json_object_set_serializer(object, no_text, NULL, NULL);
	return done;
}

bool json_add(struct json_object *object, const char *key, struct json_object *value)
{
	bool done = object != NULL && value != NULL && json_object_object_add(object, key, value) == 0;

	if (!done)
		json_object_put(value);
	return added(object, done);
}

bool json_add_text(struct json_object *object, const char *key, const char *text)
{
	return json_add(object, key, text != NULL ? json_object_new_string(text) : NULL);
}

bool json_add_integer(struct json_object *object, const char *key, int64_t number)
{
	return json_add(object, key, json_object_new_int64(number));
}

bool json_add_truth(struct json_object *object, const char *key, bool truth)
{
	return json_add(object, key, json_object_new_boolean(truth));
}

static bool add_null(struct json_object *object, const char *key)
{
	return added(object, object != NULL && json_object_object_add(object, key, NULL) == 0);
}

bool json_add_text_if_any(struct json_object *object, const char *key, const char *text)
{
	return text == NULL || text[0] == '\0' || json_add_text(object, key, text);
}

bool json_add_text_or_null(struct json_object *object, const char *key, const char *text)
{
	return text[0] != '\0' ? json_add_text(object, key, text) : add_null(object, key);
}

bool json_add_integer_or_null(struct json_object *object, const char *key, int64_t number)
{
	return number != 0 ? json_add_integer(object, key, number) : add_null(object, key);
}

bool json_add_read(struct json_object *object, const char *key, struct json_object *value)
{
	return value != NULL ? json_add(object, key, json_object_get(value)) : add_null(object, key);
}

bool json_append(struct json_object *array, struct json_object *value)
{
	bool done = array != NULL && value != NULL && json_object_array_add(array, value) == 0;

	if (!done)
		json_object_put(value);
	return added(array, done);
}

/* json-c 0.16 leaves out what its buffer cannot grow for, and does not say so. */
static bool is_whole(struct json_object *object, const char *text)
{
	struct json_object *read = json_tokener_parse(text);
	bool whole = json_object_equal(object, read);

	json_object_put(read);
	return whole;
}

const char *json_write(struct json_object *object)
{
	const char *text;

	if (object == NULL)
		return NULL;
	text = json_object_to_json_string_ext(object, FLAGS);
	return text != NULL && is_whole(object, text) ? text : NULL;
}
