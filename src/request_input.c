#include "request.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "utf8.h"

static enum result too_large(struct problem *problem, size_t max)
{
	return problem_set(problem, RESULT_TOO_LARGE, "body_too_large", NULL,
	    "The body has more than %zu bytes.", max);
}

static enum result body_malformed(struct problem *problem, const char *what)
{
	return problem_set(problem, RESULT_INVALID, "body_malformed", NULL, "%s", what);
}

/* *length SIZE_MAX when it is not declared: a chunked body. */
static bool declared_length(const struct request *request, size_t *length)
{
	const char *text = request_param(request, "CONTENT_LENGTH");
	unsigned long long value;

	*length = SIZE_MAX;
	if (text == NULL)
		return true;
	if (strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	*length = errno == ERANGE || value >= SIZE_MAX ? SIZE_MAX - 1 : (size_t)value;
	return true;
}

/* One byte more than allowed is asked for, to see whether there is one. */
static enum result read_bytes(struct request *request, size_t max, struct problem *problem)
{
	FCGX_Stream *in = request->fcgi->in;
	size_t declared;
	size_t capacity;

	if (!declared_length(request, &declared))
		return problem_set(problem, RESULT_INVALID, "length_malformed", NULL,
		    "Content-Length is not a number.");
	if (declared != SIZE_MAX && declared > max)
		return too_large(problem, max);
	capacity = declared != SIZE_MAX ? declared : max;
	request->body = malloc(capacity + 2);
	if (request->body == NULL)
		return problem_memory(problem);
	request->body_length = (size_t)FCGX_GetStr(request->body, (int)capacity + 1, in);
	request->body[request->body_length] = '\0';
	if (FCGX_GetError(in) != 0 || (declared != SIZE_MAX && request->body_length < declared))
		return body_malformed(problem, "The body ended before its declared length.");
	if (request->body_length > capacity)
		return declared == SIZE_MAX ? too_large(problem, max) :
		    body_malformed(problem, "The body is longer than its declared length.");
	return RESULT_OK;
}

static enum result parse_json(struct request *request, struct problem *problem)
{
	request->json = json_parse_object(request->body, request->body_length);
	if (request->json == NULL)
		return body_malformed(problem, "The body is not one JSON object in UTF-8 with each name once.");
	return RESULT_OK;
}

static enum result parse_form(struct request *request, struct problem *problem)
{
	request->form = form_parse(request->body, request->body_length);
	if (request->form == NULL)
		return body_malformed(problem, "The body is not a well-formed form in UTF-8.");
	return RESULT_OK;
}

static const struct {
	const char *type;
	enum result (*parse)(struct request *request, struct problem *problem);
} body_types[] = {
	{ "application/json", parse_json },
	{ "application/x-www-form-urlencoded", parse_form },
};

static enum result parse_body(struct request *request, struct problem *problem)
{
	const char *type = request_param(request, "CONTENT_TYPE");

	if (request->body_length == 0)
		return RESULT_OK;
	for (size_t i = 0; type != NULL && i < sizeof(body_types) / sizeof(body_types[0]); i++) {
		if (request_type_is(type, body_types[i].type))
			return body_types[i].parse(request, problem);
	}
	return problem_set(problem, RESULT_MEDIA_TYPE, "media_type", NULL,
	    "The body is to be application/json or application/x-www-form-urlencoded.");
}

static enum result parse_query(struct request *request, struct problem *problem)
{
	const char *query = request_param(request, "QUERY_STRING");

	if (query == NULL)
		return RESULT_OK;
	request->form = form_parse(query, strlen(query));
	if (request->form == NULL)
		return problem_set(problem, RESULT_INVALID, "query_malformed", NULL,
		    "The query is not well-formed.");
	return RESULT_OK;
}

enum result request_read_body(struct request *request, size_t max, bool raw, struct problem *problem)
{
	enum result result;

	if (request->head || strcmp(request->method, "GET") == 0)
		return parse_query(request, problem);
	result = read_bytes(request, max, problem);
	if (result != RESULT_OK || raw)
		return result;
	return parse_body(request, problem);
}

static enum result field_invalid(struct problem *problem, const char *name, const char *what)
{
	return problem_set(problem, RESULT_INVALID, "parameter_invalid", name, "%s %s.", name, what);
}

/* "a[b]", as it stands in a form, is b within a. */
static struct json_object *json_member(struct json_object *object, const char *name)
{
	struct json_object *found = NULL;
	const char *inner = strchr(name, '[');
	char outer[64];

	if (inner != NULL && (size_t)(inner - name) < sizeof(outer)) {
		memcpy(outer, name, (size_t)(inner - name));
		outer[inner - name] = '\0';
		json_object_object_get_ex(object, outer, &object);
		snprintf(outer, sizeof(outer), "%.*s", (int)strcspn(inner + 1, "]"), inner + 1);
		name = outer;
	}
	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &found);
	return found;
}

static enum result json_field(struct json_object *object, const char *name, const char **value,
    struct problem *problem)
{
	struct json_object *found = json_member(object, name);
	const char *text = NULL;

	if (found != NULL) {
		if (!json_object_is_type(found, json_type_string))
			return field_invalid(problem, name, "is to be a string");
		text = json_object_get_string(found);
		if (strlen(text) != (size_t)json_object_get_string_len(found))
			return field_invalid(problem, name, "holds a control character");
	}
	*value = text;
	return RESULT_OK;
}

static enum result input_field(const struct request *request, const char *name, const char **value,
    struct problem *problem)
{
	if (request->json != NULL)
		return json_field(request->json, name, value, problem);
	if (request->form != NULL && form_count(request->form, name) > 1)
		return field_invalid(problem, name, "comes twice");
	*value = request->form != NULL ? form_value(request->form, name) : NULL;
	return RESULT_OK;
}

enum result request_field(const struct request *request, const char *name, size_t max,
    const char **value, struct problem *problem)
{
	const char *text = NULL;
	enum result result = input_field(request, name, &text, problem);

	if (result != RESULT_OK)
		return result;
	if (text != NULL && strlen(text) > max)
		return field_invalid(problem, name, "is too long");
	if (text != NULL && !utf8_printable(text, strlen(text)))
		return field_invalid(problem, name, "holds a control character");
	*value = text != NULL && text[0] != '\0' ? text : NULL;
	return RESULT_OK;
}

static bool parse_integer(const char *text, int64_t *value)
{
	const char *digits = text + (text[0] == '-');

	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*value = strtoll(text, NULL, 10);
	return errno == 0;
}

enum result request_field_integer(const struct request *request, const char *name,
    int64_t min, int64_t max, int64_t *value, struct problem *problem)
{
	struct json_object *found = NULL;
	const char *text = NULL;
	enum result result;
	int64_t number;

	if (request->json != NULL)
		json_object_object_get_ex(request->json, name, &found);
	if (json_object_is_type(found, json_type_int)) {
		number = json_object_get_int64(found);
	} else {
		result = request_field(request, name, 32, &text, problem);
		if (result != RESULT_OK || text == NULL)
			return result;
		if (!parse_integer(text, &number))
			return field_invalid(problem, name, "is to be a whole number");
	}
	if (number < min || number > max)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", name,
		    "%s is to be from %" PRId64 " to %" PRId64 ".", name, min, max);
	*value = number;
	return RESULT_OK;
}

enum result request_field_word(const struct request *request, const char *name,
    const char *const *words, int *index, struct problem *problem)
{
	const char *text = NULL;
	enum result result = request_field(request, name, 64, &text, problem);

	if (result != RESULT_OK || text == NULL)
		return result;
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*index = i;
			return RESULT_OK;
		}
	}
	return field_invalid(problem, name, "is none of the words that can stand here");
}

bool request_path_is_own(const char *path)
{
	return path[0] == '/' && path[1] != '/' && strchr(path, '\\') == NULL &&
	    utf8_printable(path, strlen(path));
}
