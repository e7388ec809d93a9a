#include "stripe_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SIGNED_AT 1492774577
#define BODY "{\"id\":\"evt_1\"}"

/* HMAC-SHA256 of "1492774577." BODY, made with: printf … | openssl dgst -sha256 -hmac SECRET */
#define FIRST "whsec_first"
#define FIRST_MAC "97da1c2a17c685a03049a88561683b22f434527ece4262109a3d226238193bfa"
#define SECOND "whsec_second"
#define SECOND_MAC "6bbee08520691253aec7db8c96793a73a7f1ed537491f6cd3654e6c8d34b47ee"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static bool valid_at(const char *header, const char *body, int64_t now)
{
	const struct secret secrets[] = {
		{ .text = (char []){ FIRST }, .length = strlen(FIRST) },
		{ .text = (char []){ SECOND }, .length = strlen(SECOND) },
	};

	return stripe_signature_valid(header, body, strlen(body), secrets, 2, now);
}

static bool valid(const char *header)
{
	return valid_at(header, BODY, SIGNED_AT);
}

static void signature_of_the_first_secret_is_valid(void **state)
{
	(void)state;
	assert_true(valid("t=1492774577,v1=" FIRST_MAC));
}

static void second_secret_matches(void **state)
{
	(void)state;
	assert_true(valid("t=1492774577,v1=" SECOND_MAC));
}

static void any_v1_of_the_header_counts(void **state)
{
	(void)state;
	assert_true(valid("t=1492774577,v1=" ZEROS ",v1=" FIRST_MAC));
	assert_true(valid("t=1492774577,v1=" FIRST_MAC ",v1=" ZEROS));
	assert_true(valid("v1=" FIRST_MAC ",t=1492774577"));
}

static void other_schemes_do_not_count(void **state)
{
	(void)state;
	assert_false(valid("t=1492774577,v0=" FIRST_MAC));
	assert_false(valid("t=1492774577,v11=" FIRST_MAC));
	assert_true(valid("t=1492774577,v1=" FIRST_MAC ",v0=" ZEROS));
}

static void signature_of_300_seconds_is_valid_of_301_is_not(void **state)
{
	static const char header[] = "t=1492774577,v1=" FIRST_MAC;

	(void)state;
	assert_true(valid_at(header, BODY, SIGNED_AT + 300));
	assert_false(valid_at(header, BODY, SIGNED_AT + 301));
	assert_true(valid_at(header, BODY, SIGNED_AT - 300));
	assert_false(valid_at(header, BODY, SIGNED_AT - 301));
}

static void another_body_is_refused(void **state)
{
	(void)state;
	assert_false(valid_at("t=1492774577,v1=" FIRST_MAC, BODY " ", SIGNED_AT));
	assert_false(valid_at("t=1492774577,v1=" FIRST_MAC, "", SIGNED_AT));
}

static void another_time_under_the_same_signature_is_refused(void **state)
{
	(void)state;
	assert_false(valid("t=1492774578,v1=" FIRST_MAC));
	assert_false(valid("t=01492774577,v1=" FIRST_MAC));
}

static void malformed_headers_are_refused(void **state)
{
	static const char *const headers[] = {
		"", ",", "=", "t", "t=", "t=,v1=" FIRST_MAC, "v1=" FIRST_MAC, "t=1492774577",
		"t=1492774577,v1=", "t=1492774577,v1=" FIRST_MAC "00", "t=1492774577 v1=" FIRST_MAC,
		"t=-1492774577,v1=" FIRST_MAC, "t=0x58fa1,v1=" FIRST_MAC, "t=1492774577;v1=" FIRST_MAC,
		"t=1492774577,t=1492774577,v1=" FIRST_MAC, "t=1492774577,junk,v1=" FIRST_MAC,
		"t=99999999999999999999999999,v1=" FIRST_MAC, "T=1492774577,V1=" FIRST_MAC,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_false(valid(headers[i]));
}

static void every_changed_digit_is_noticed(void **state)
{
	char header[] = "t=1492774577,v1=" FIRST_MAC;
	size_t start = strlen(header) - 64;

	(void)state;
	for (size_t i = start; i < start + 64; i++) {
		char digit = header[i];

		header[i] = digit == '0' ? '1' : '0';
		assert_false(valid(header));
		header[i] = digit;
	}
	assert_true(valid(header));
}

static void nothing_is_valid_without_a_secret(void **state)
{
	(void)state;
	assert_false(stripe_signature_valid("t=1492774577,v1=" FIRST_MAC, BODY, strlen(BODY),
	    NULL, 0, SIGNED_AT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signature_of_the_first_secret_is_valid),
		cmocka_unit_test(second_secret_matches),
		cmocka_unit_test(any_v1_of_the_header_counts),
		cmocka_unit_test(other_schemes_do_not_count),
		cmocka_unit_test(signature_of_300_seconds_is_valid_of_301_is_not),
		cmocka_unit_test(another_body_is_refused),
		cmocka_unit_test(another_time_under_the_same_signature_is_refused),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(every_changed_digit_is_noticed),
		cmocka_unit_test(nothing_is_valid_without_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
