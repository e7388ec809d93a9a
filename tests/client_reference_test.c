#include "client_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base64url.h"

#define NOW 1700000000

static char first_key[] = "a key of at least thirty-two bytes";
static char second_key[] = "another key of thirty-two bytes or so";
static const struct secret keys[] = {
	{ first_key, sizeof(first_key) - 1 },
	{ second_key, sizeof(second_key) - 1 },
};

static bool reads(const char *reference, const char *site, size_t first, size_t n_keys, int64_t at)
{
	char user[IDENTITY_USER_MAX + 1] = "untouched";
	bool read = client_reference_read(reference, site, keys + first, n_keys, at, user);

	assert_string_equal(user, read ? "alice" : "untouched");
	return read;
}

static void make(char reference[CLIENT_REFERENCE_SIZE])
{
	assert_true(client_reference_make("alice", "shop", &keys[0], NOW + 60, reference));
}

static void user_comes_back(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	make(reference);
	assert_true(reads(reference, "shop", 0, 1, NOW));
}

static void longest_user_fits_what_stripe_takes(void **state)
{
	char user[IDENTITY_USER_MAX + 1], back[IDENTITY_USER_MAX + 1], reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	memset(user, 'x', IDENTITY_USER_MAX);
	user[IDENTITY_USER_MAX] = '\0';
	assert_true(client_reference_make(user, "shop", &keys[0], UINT32_MAX, reference));
	assert_true(strlen(reference) <= 200);
	assert_int_equal(strspn(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_"), strlen(reference));
	assert_true(client_reference_read(reference, "shop", keys, 1, NOW, back));
	assert_string_equal(back, user);
}

static void expired_one_is_refused(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	make(reference);
	assert_true(reads(reference, "shop", 0, 1, NOW + 60));
	assert_false(reads(reference, "shop", 0, 1, NOW + 61));
}

static void other_site_is_refused(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	make(reference);
	assert_false(reads(reference, "sho", 0, 1, NOW));
	assert_false(reads(reference, "shop2", 0, 1, NOW));
}

static void any_configured_key_will_do_and_no_other(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	make(reference);
	assert_true(reads(reference, "shop", 0, 2, NOW));
	assert_false(reads(reference, "shop", 1, 1, NOW));
	assert_false(reads(reference, "shop", 0, 0, NOW));
}

static void every_changed_character_is_refused(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	make(reference);
	for (size_t i = 0; reference[i] != '\0'; i++) {
		char was = reference[i];

		reference[i] = was == 'A' ? 'B' : 'A';
		assert_false(reads(reference, "shop", 0, 2, NOW));
		reference[i] = was;
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "alice", "order-17", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA=AAAA",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(reads(texts[i], "shop", 0, 2, NOW));
}

static void time_that_does_not_fit_is_not_signed(void **state)
{
	char reference[CLIENT_REFERENCE_SIZE];

	(void)state;
	assert_false(client_reference_make("alice", "shop", &keys[0], -1, reference));
	assert_false(client_reference_make("alice", "shop", &keys[0], (int64_t)UINT32_MAX + 1, reference));
	assert_false(client_reference_make("", "shop", &keys[0], NOW, reference));
}

/* The vectors of RFC 4648, section 10, and both characters that differ. */
static void base64url_has_one_text_for_each_value(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} vectors[] = {
		{ "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "-_8" },
	};
	unsigned char bytes[BASE64URL_MAX];
	char text[32];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t length = strlen(vectors[i].bytes);

		assert_true(base64url_encode((const unsigned char *)vectors[i].bytes, length, text));
		assert_string_equal(text, vectors[i].text);
		assert_true(base64url_decode(text, strlen(text), bytes, &n));
		assert_int_equal(n, length);
		assert_memory_equal(bytes, vectors[i].bytes, n);
	}
	assert_false(base64url_decode("Zh", 2, bytes, &n));
	assert_false(base64url_decode("Zg==", 4, bytes, &n));
	assert_false(base64url_decode("Z", 1, bytes, &n));
	assert_false(base64url_encode(bytes, 0, text));
	assert_false(base64url_encode(bytes, BASE64URL_MAX, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_comes_back),
		cmocka_unit_test(longest_user_fits_what_stripe_takes),
		cmocka_unit_test(expired_one_is_refused),
		cmocka_unit_test(other_site_is_refused),
		cmocka_unit_test(any_configured_key_will_do_and_no_other),
		cmocka_unit_test(every_changed_character_is_refused),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(time_that_does_not_fit_is_not_signed),
		cmocka_unit_test(base64url_has_one_text_for_each_value),
	};

	return cmocka_run_group_tests_name("client_reference", tests, NULL, NULL);
}
