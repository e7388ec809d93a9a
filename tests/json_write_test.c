#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "json_write.h"

static void members_are_written(void **state)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	(void)state;
	assert_true(json_add_text(object, "path", "a/b"));
	assert_true(json_add_integer(object, "n", 1));
	assert_true(json_add_truth(object, "yes", true));
	assert_true(json_append(array, json_object_new_string("x")));
	assert_true(json_add(object, "list", array));
	assert_true(json_add_read(object, "again", array));
	assert_string_equal(json_write(object),
	    "{\"path\":\"a/b\",\"n\":1,\"yes\":true,\"list\":[\"x\"],\"again\":[\"x\"]}");
	json_object_put(object);
}

static void nothing_is_null(void **state)
{
	struct json_object *object = json_object_new_object();

	(void)state;
	assert_true(json_add_text_or_null(object, "text", ""));
	assert_true(json_add_integer_or_null(object, "number", 0));
	assert_true(json_add_read(object, "read", NULL));
	assert_string_equal(json_write(object), "{\"text\":null,\"number\":null,\"read\":null}");
	json_object_put(object);
}

static void lost_member_spoils_all_that_holds_it(void **state)
{
	struct json_object *outer = json_object_new_object();
	struct json_object *array = json_object_new_array();
	struct json_object *inner = json_object_new_object();

	(void)state;
	json_add(outer, "list", array);
	json_append(array, inner);
	assert_non_null(json_write(outer));
	assert_false(json_add_text(inner, "lost", NULL));
	assert_null(json_write(outer));
	json_object_put(outer);
}

static void lost_element_spoils_all_that_holds_it(void **state)
{
	struct json_object *outer = json_object_new_object();
	struct json_object *array = json_object_new_array();

	(void)state;
	json_add(outer, "list", array);
	assert_false(json_append(array, NULL));
	assert_null(json_write(outer));
	json_object_put(outer);
}

static void object_that_is_not_there_has_no_text(void **state)
{
	(void)state;
	assert_false(json_add_text(NULL, "key", "value"));
	assert_false(json_append(NULL, json_object_new_object()));
	assert_null(json_write(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_written),
		cmocka_unit_test(nothing_is_null),
		cmocka_unit_test(lost_member_spoils_all_that_holds_it),
		cmocka_unit_test(lost_element_spoils_all_that_holds_it),
		cmocka_unit_test(object_that_is_not_there_has_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
