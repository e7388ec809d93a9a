#include "stripe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void path_holds_the_id(void **state)
{
	char path[STRIPE_PATH_SIZE];

	(void)state;
	assert_true(stripe_path(path, "/v1/checkout/sessions/", "cs_test_a1-B2", "/expire"));
	assert_string_equal(path, "/v1/checkout/sessions/cs_test_a1-B2/expire");
}

static void id_that_would_leave_its_place_in_the_path_is_refused(void **state)
{
	static const char *const ids[] = { "", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "\xc3\xa9" };
	char path[STRIPE_PATH_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_false(stripe_path(path, "/v1/prices/", ids[i], NULL));
}

static void path_that_does_not_fit_is_refused(void **state)
{
	char path[STRIPE_PATH_SIZE], id[STRIPE_PATH_SIZE];

	(void)state;
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_false(stripe_path(path, "/v1/prices/", id, NULL));
}

static void digest_is_of_the_parts_and_their_bounds(void **state)
{
	char one[STRIPE_DIGEST_SIZE], same[STRIPE_DIGEST_SIZE], other[STRIPE_DIGEST_SIZE];

	(void)state;
	assert_true(stripe_digest(one, "ab", "c", NULL));
	assert_true(stripe_digest(same, "ab", "c", NULL));
	assert_true(stripe_digest(other, "a", "bc", NULL));
	assert_int_equal(strlen(one), STRIPE_DIGEST_SIZE - 1);
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	assert_true(stripe_digest(other, "ab", "c", "", NULL));
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_holds_the_id),
		cmocka_unit_test(id_that_would_leave_its_place_in_the_path_is_refused),
		cmocka_unit_test(path_that_does_not_fit_is_refused),
		cmocka_unit_test(digest_is_of_the_parts_and_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
