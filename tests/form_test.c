#include "form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_client.h"

static struct form *parse(const char *text)
{
	return form_parse(text, strlen(text));
}

static void assert_encodes(const struct form *form, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	form_encode(form, &out);
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_free(&out);
}

static void pairs_are_encoded_in_order(void **state)
{
	struct form *form = form_new();

	(void)state;
	form_add(form, "mode", "subscription");
	form_addf(form, "price_1", "line_items[%d][price]", 0);
	form_add_int(form, "quantity", -9223372036854775807LL - 1);
	form_add_bool(form, "automatic_tax[enabled]", true);
	form_add_bool(form, "b", false);
	assert_false(form_failed(form));
	assert_encodes(form, "mode=subscription&line_items%5B0%5D%5Bprice%5D=price_1&"
	    "quantity=-9223372036854775808&automatic_tax%5Benabled%5D=true&b=false");
	form_free(form);
}

static void null_value_adds_nothing(void **state)
{
	struct form *form = form_new();

	(void)state;
	form_add(form, "a", NULL);
	form_addf(form, NULL, "%s", "b");
	form_add(form, "c", "");
	assert_false(form_failed(form));
	assert_encodes(form, "c=");
	form_free(form);
}

static void what_is_encoded_is_parsed_back(void **state)
{
	static const char value[] = "a+b c&d=e%41;\xc3\xbc\"{CHECKOUT_SESSION_ID}";
	struct form *form = form_new();
	struct strbuf out = STRBUF_INIT;
	struct form *back;

	(void)state;
	form_add(form, "k[&=]", value);
	form_encode(form, &out);
	back = form_parse(out.data, out.length);
	assert_non_null(back);
	assert_string_equal(form_value(back, "k[&=]"), value);
	assert_int_equal(form_count(back, "k[&=]"), 1);
	form_free(back);
	form_free(form);
	strbuf_free(&out);
}

static void plus_and_percent_20_are_spaces(void **state)
{
	struct form *form = parse("a=one+two%20three%2B");

	(void)state;
	assert_string_equal(form_value(form, "a"), "one two three+");
	form_free(form);
}

static void empty_parts_are_as_the_standard_says(void **state)
{
	struct form *form = parse("&&a&b=&=c&d=1=2&");

	(void)state;
	assert_string_equal(form_value(form, "a"), "");
	assert_string_equal(form_value(form, "b"), "");
	assert_string_equal(form_value(form, ""), "c");
	assert_string_equal(form_value(form, "d"), "1=2");
	assert_int_equal(form_count(form, "a"), 1);
	assert_null(form_value(form, "e"));
	form_free(form);
}

static void empty_text_is_an_empty_form(void **state)
{
	struct form *form = form_parse("", 0);

	(void)state;
	assert_non_null(form);
	assert_encodes(form, "");
	form_free(form);
}

static void key_that_comes_twice_is_counted(void **state)
{
	struct form *form = parse("plan=a&x=1&plan=b");

	(void)state;
	assert_int_equal(form_count(form, "plan"), 2);
	assert_string_equal(form_value(form, "plan"), "a");
	form_free(form);
}

static void malformed_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"a=%", "a=%4", "a=%4g", "a=%g4", "%zz=1", "a=1&b=%", "a=%00", "%00=a", "a=%ff", "a=\xc3",
		"a=%C0%AF", "a=%ED%A0%80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(parse(texts[i]));
	assert_null(form_parse("a=1\0b", 5));
}

static void bytes_past_the_length_are_not_read(void **state)
{
	struct form *form = form_parse("a=1&b=2", 3);

	(void)state;
	assert_string_equal(form_value(form, "a"), "1");
	assert_null(form_value(form, "b"));
	form_free(form);
	assert_null(form_parse("a=%41", 4));
}

static void more_than_256_pairs_are_refused(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct form *form;

	(void)state;
	for (int i = 0; i < 256; i++)
		strbuf_append(&text, "a=1&");
	form = parse(strbuf_text(&text));
	assert_non_null(form);
	assert_int_equal(form_count(form, "a"), 256);
	form_free(form);
	strbuf_append(&text, "b");
	assert_null(parse(strbuf_text(&text)));
	strbuf_free(&text);
}

static void escapes_keep_nul_and_length(void **state)
{
	char *text = http_escape("a b\0~/\xc3\xbc", 8);
	size_t length;
	char *back;

	(void)state;
	assert_string_equal(text, "a%20b%00~%2F%C3%BC");
	back = http_unescape(text, strlen(text), &length);
	assert_int_equal(length, 8);
	assert_memory_equal(back, "a b\0~/\xc3\xbc", 9);
	free(back);
	free(text);
}

static void escape_past_the_length_is_broken(void **state)
{
	size_t length;

	(void)state;
	assert_null(http_unescape("%41", 2, &length));
	assert_null(http_unescape("%41", 1, &length));
}

static void empty_text_is_escaped_to_itself(void **state)
{
	size_t length = 1;
	char *text = http_escape("x", 0);
	char *back = http_unescape("x", 0, &length);

	(void)state;
	assert_string_equal(text, "");
	assert_string_equal(back, "");
	assert_int_equal(length, 0);
	free(back);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_encoded_in_order),
		cmocka_unit_test(null_value_adds_nothing),
		cmocka_unit_test(what_is_encoded_is_parsed_back),
		cmocka_unit_test(plus_and_percent_20_are_spaces),
		cmocka_unit_test(empty_parts_are_as_the_standard_says),
		cmocka_unit_test(empty_text_is_an_empty_form),
		cmocka_unit_test(key_that_comes_twice_is_counted),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(bytes_past_the_length_are_not_read),
		cmocka_unit_test(more_than_256_pairs_are_refused),
		cmocka_unit_test(escapes_keep_nul_and_length),
		cmocka_unit_test(escape_past_the_length_is_broken),
		cmocka_unit_test(empty_text_is_escaped_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
