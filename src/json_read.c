#include "json_read.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define DEPTH_MAX 32
#define INTEGER_MAX (INT64_C(1) << 53)
#define NAME_SIZE 64 /* more than our pointers name */

/* json-c 0.16 leaves out what its buffer cannot grow for, and does not say so: it
 * gets one that need not grow, as no string is longer than the text. */
static struct json_tokener *tokener_new(size_t length)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);

	if (tokener == NULL)
		return NULL;
	if (printbuf_memset(tokener->pb, 0, 0, (int)length + 1) < 0) {
		json_tokener_free(tokener);
		return NULL;
	}
	printbuf_reset(tokener->pb);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	return tokener;
}

/* The members of all objects, in text that json-c took. False for a control
 * character in a string, which it takes too (RFC 8259, section 7). */
static bool count_names(const char *text, size_t length, size_t *count)
{
	bool within_string = false;

	*count = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"')
			within_string = !within_string;
		else if (within_string && (unsigned char)text[i] < 0x20)
			return false;
		else if (within_string && text[i] == '\\')
			i++;
		else if (!within_string && text[i] == ':')
			++*count;
	}
	return true;
}

static size_t names_kept(struct json_object *value)
{
	size_t count = 0, length = json_length(value);
	struct json_object_iter member;

	for (size_t i = 0; i < length; i++)
		count += names_kept(json_object_array_get_idx(value, i));
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreachC(value, member)
			count += 1 + names_kept(member.val);
	}
	return count;
}

/* Of several members of one name json-c keeps the last, where another reader of the
 * same text may take the first. */
static bool is_plain(struct json_object *object, const char *text, size_t length)
{
	size_t written;

	return count_names(text, length, &written) && names_kept(object) == written;
}

struct json_object *json_parse_object(const char *text, size_t length)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	/* json-c's own check takes overlong forms and surrogates. */
	if (length > INT_MAX / 2 || !utf8_valid(text, length) || (tokener = tokener_new(length)) == NULL)
		return NULL;
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != length ||
	    !json_object_is_type(object, json_type_object) || !is_plain(object, text, length)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/* The member or element that a pointer begins with; *pointer is behind it. */
static struct json_object *step(struct json_object *object, const char **pointer)
{
	size_t length = strcspn(*pointer + 1, "/");
	struct json_object *found = NULL;
	char name[NAME_SIZE];

	if (length >= sizeof(name))
		return NULL;
	memcpy(name, *pointer + 1, length);
	name[length] = '\0';
	*pointer += 1 + length;
	if (json_object_is_type(object, json_type_array) && name[strspn(name, "0123456789")] == '\0')
		return json_object_array_get_idx(object, strtoul(name, NULL, 10));
	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &found);
	return found;
}

/* Not json_pointer_get: it allocates, and what finds no memory would seem absent. */
struct json_object *json_at(struct json_object *object, const char *pointer)
{
	while (object != NULL && pointer[0] == '/')
		object = step(object, &pointer);
	return object;
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

bool json_integer_read(struct json_object *value, int64_t *number)
{
	int64_t read = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int))
		return false;
	*number = read > INTEGER_MAX ? INTEGER_MAX : read < -INTEGER_MAX ? -INTEGER_MAX : read;
	return true;
}

int64_t json_integer(struct json_object *object, const char *pointer)
{
	int64_t number = 0;

	json_integer_read(json_at(object, pointer), &number);
	return number;
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
