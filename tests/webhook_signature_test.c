#include "webhook_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The example that the libraries of the specification are tested with. */
#define WHSEC "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define PAYLOAD "{\"test\": 2432232314}"

static struct secret secret_of(const char *text)
{
	return (struct secret){ .text = (char *)(uintptr_t)text, .length = strlen(text) };
}

static bool valid(const char *text)
{
	struct secret secret = secret_of(text);

	return webhook_secret_valid(&secret);
}

static void example_of_the_specification_is_signed_as_there(void **state)
{
	struct secret secret = secret_of(WHSEC);
	char signature[WEBHOOK_SIGNATURE_SIZE];

	(void)state;
	assert_true(webhook_sign(&secret, ID, 1614265330, PAYLOAD, signature));
	assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* Python: hmac.new(b"a secret of at least 24 bytes", b"id.1.{}", "sha256") */
static void secret_without_prefix_is_the_key_itself(void **state)
{
	struct secret secret = secret_of("a secret of at least 24 bytes");
	char signature[WEBHOOK_SIGNATURE_SIZE];

	(void)state;
	assert_true(webhook_sign(&secret, "id", 1, "{}", signature));
	assert_string_equal(signature, "v1,hQgzDUO+52qSK3lP/rRr6OUj/abxWGYd5tQyVa3/R4E=");
}

static void secret_that_is_no_base64_is_refused(void **state)
{
	(void)state;
	assert_true(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo="));
	assert_false(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo"));
	assert_false(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eX=o"));
	assert_false(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4e==="));
	assert_false(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4e-_="));
	assert_false(valid("whsec_ YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo"));
	assert_false(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=    "));
	assert_false(valid("whsec_"));
}

static void key_shorter_than_24_bytes_is_refused(void **state)
{
	struct secret brief = secret_of("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnc=");
	char signature[WEBHOOK_SIGNATURE_SIZE] = "untouched";

	(void)state;
	assert_false(webhook_secret_valid(&brief));
	assert_false(webhook_sign(&brief, "id", 1, "{}", signature));
	assert_string_equal(signature, "untouched");
	assert_false(valid("23 bytes, one too short"));
	assert_true(valid("24 bytes: that is enough"));
	assert_true(valid("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_specification_is_signed_as_there),
		cmocka_unit_test(secret_without_prefix_is_the_key_itself),
		cmocka_unit_test(secret_that_is_no_base64_is_refused),
		cmocka_unit_test(key_shorter_than_24_bytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
