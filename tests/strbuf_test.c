#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void nothing_appended_is_empty_text(void **state)
{
	struct strbuf buf = STRBUF_INIT;

	(void)state;
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_free(&buf);
}

static void pieces_follow_each_other(void **state)
{
	struct strbuf buf = STRBUF_INIT;

	(void)state;
	strbuf_append(&buf, "one");
	strbuf_append_bytes(&buf, " two", 2);
	strbuf_appendf(&buf, "%d-%s", 3, "three");
	assert_string_equal(strbuf_text(&buf), "one t3-three");
	assert_int_equal(buf.length, strlen("one t3-three"));
	strbuf_free(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.length, 0);
}

static void growing_keeps_what_was_there(void **state)
{
	struct strbuf buf = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_appendf(&buf, "%03d", i);
	assert_int_equal(buf.length, 3000);
	for (int i = 0; i < 1000; i++) {
		char expected[12];

		assert_int_equal(snprintf(expected, sizeof(expected), "%03d", i), 3);
		assert_memory_equal(buf.data + 3 * i, expected, 3);
	}
	strbuf_wipe(&buf);
}

/* Whatever was allocated, the terminator must have its place in it. */
static void text_of_any_length_is_terminated(void **state)
{
	struct strbuf buf = STRBUF_INIT;
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t length = 0; length < sizeof(text); length++) {
		assert_int_equal(strlen(strbuf_text(&buf)), length);
		strbuf_append_bytes(&buf, text, 1);
	}
	for (size_t length = 0; length < sizeof(text); length++) {
		strbuf_free(&buf);
		strbuf_append_bytes(&buf, text, length);
		assert_int_equal(strlen(strbuf_text(&buf)), length);
	}
	strbuf_free(&buf);
}

static void bytes_may_hold_nul(void **state)
{
	struct strbuf buf = STRBUF_INIT;

	(void)state;
	strbuf_append_bytes(&buf, "a\0b", 3);
	assert_int_equal(buf.length, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	strbuf_free(&buf);
}

static void failure_is_sticky(void **state)
{
	struct strbuf buf = STRBUF_INIT;

	(void)state;
	strbuf_append(&buf, "before");
	strbuf_append_bytes(&buf, "x", SIZE_MAX - 2);
	strbuf_append(&buf, "after");
	assert_true(buf.failed);
	assert_null(strbuf_text(&buf));
	assert_string_equal(buf.data, "before");
	strbuf_free(&buf);
	assert_string_equal(strbuf_text(&buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_appended_is_empty_text),
		cmocka_unit_test(pieces_follow_each_other),
		cmocka_unit_test(growing_keeps_what_was_there),
		cmocka_unit_test(text_of_any_length_is_terminated),
		cmocka_unit_test(bytes_may_hold_nul),
		cmocka_unit_test(failure_is_sticky),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
