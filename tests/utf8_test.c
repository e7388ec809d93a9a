#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *text)
{
	return utf8_valid(text, strlen(text));
}

static bool printable(const char *text)
{
	return utf8_printable(text, strlen(text));
}

static void every_length_of_character_is_valid(void **state)
{
	(void)state;
	assert_true(valid("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_true(valid("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
	assert_true(valid(""));
}

static void overlong_forms_are_refused(void **state)
{
	(void)state;
	assert_false(valid("\xc0\xaf"));
	assert_false(valid("\xc1\xbf"));
	assert_false(valid("\xe0\x80\xaf"));
	assert_false(valid("\xe0\x9f\xbf"));
	assert_false(valid("\xf0\x80\x80\xaf"));
	assert_false(valid("\xf0\x8f\xbf\xbf"));
}

static void surrogates_and_codes_past_the_end_are_refused(void **state)
{
	(void)state;
	assert_false(valid("\xed\xa0\x80"));
	assert_false(valid("\xed\xbf\xbf"));
	assert_true(valid("\xed\x9f\xbf\xee\x80\x80"));
	assert_false(valid("\xf4\x90\x80\x80"));
	assert_false(valid("\xf8\x88\x80\x80\x80"));
	assert_false(valid("\xff"));
}

static void cut_and_stray_bytes_are_refused(void **state)
{
	(void)state;
	assert_false(valid("\x80"));
	assert_false(valid("a\xc3"));
	assert_false(valid("\xc3" "a"));
	assert_false(valid("\xe2\x82"));
	assert_false(utf8_valid("\xe2\x82\xac", 2));
	assert_false(valid("\xf0\x9f\x98"));
}

static void control_characters_are_not_printable(void **state)
{
	(void)state;
	assert_true(printable("J\xc3\xb6rg 1 ~\xc2\xa0"));
	assert_false(printable("a\nb"));
	assert_false(printable("\x1b[2J"));
	assert_false(printable("\x7f"));
	assert_false(printable("\xc2\x85"));
	assert_false(printable("\xc2\x9f"));
	assert_false(printable("\xe2\x80\xa8"));
	assert_false(utf8_printable("a\0b", 3));
}

static void length_of_a_printable_character_is_told(void **state)
{
	(void)state;
	assert_int_equal(utf8_printable_length("\xe2\x82\xac!", 4), 3);
	assert_int_equal(utf8_printable_length("\xe2\x82\xac!", 2), 0);
	assert_int_equal(utf8_printable_length("\n", 1), 0);
	assert_int_equal(utf8_printable_length("x", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_of_character_is_valid),
		cmocka_unit_test(overlong_forms_are_refused),
		cmocka_unit_test(surrogates_and_codes_past_the_end_are_refused),
		cmocka_unit_test(cut_and_stray_bytes_are_refused),
		cmocka_unit_test(control_characters_are_not_printable),
		cmocka_unit_test(length_of_a_printable_character_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
