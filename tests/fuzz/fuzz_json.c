/* JSON from outside, behind one line that is a pointer: what is taken can be read by any
 * pointer, and written and read again. */
#include "json_read.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "utf8.h"

static void check_reading(struct json_object *object, const char *pointer)
{
	const char *text = json_text(object, pointer);
	char copy[16] = "";

	assert(text == NULL || utf8_valid(text, strlen(text)));
	assert(text == NULL || json_object_is_type(json_at(object, pointer), json_type_string));
	assert(!json_text_is(object, pointer, "x") || strcmp(text, "x") == 0);
	if (json_copy_text(object, pointer, copy, sizeof(copy)))
		assert(strcmp(copy, text != NULL ? text : "") == 0);
	if (json_copy_id(object, pointer, copy, sizeof(copy)))
		assert(strlen(copy) < sizeof(copy));
	assert(json_integer(object, pointer) <= INT64_MAX / 1000);
	assert(json_integer(object, pointer) >= INT64_MIN / 1000);
	assert(json_length(json_at(object, pointer)) == 0 || !json_truth(object, pointer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	char *pointer = fuzz_line(&input);
	struct json_object *object = json_parse_object(input.text, input.length);
	struct json_object *again;
	const char *written;

	if (object != NULL) {
		check_reading(object, pointer);
		check_reading(object, "/data/object/id");
		written = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
		again = json_parse_object(written, strlen(written));
		assert(again != NULL);
		json_object_put(again);
		json_object_put(object);
	}
	free(pointer);
	return 0;
}
