#include "store_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "monotonic.h"
#include "store_fixture.h"

static int64_t take_within(const char *user_hash, int64_t window_ms)
{
	const struct limit limit = { .count = 2, .window_ms = window_ms };
	int64_t wait_ms = -1;

	assert_int_equal(store_limit_take(store, &server.site, user_hash, &limit, &wait_ms), RESULT_OK);
	return wait_ms;
}

static void two_are_within_a_limit_of_two(void **state)
{
	(void)state;
	assert_int_equal(take_within("a", 60000), 0);
	assert_int_equal(take_within("a", 60000), 0);
	assert_in_range(take_within("a", 60000), 50000, 60000);
	assert_int_equal(take_within("b", 60000), 0);
}

static void after_the_wait_it_begins_anew(void **state)
{
	int64_t wait_ms;

	(void)state;
	take_within("a", 300);
	take_within("a", 300);
	wait_ms = take_within("a", 300);
	assert_in_range(wait_ms, 1, 300);
	for (int i = 0; i < 10; i++)
		assert_true(take_within("a", 300) <= wait_ms);
	monotonic_sleep_ms(wait_ms + 5);
	assert_int_equal(take_within("a", 300), 0);
	assert_int_equal(take_within("a", 300), 0);
	assert_true(take_within("a", 300) > 0);
}

/* A key without an end would shut her out for good. */
static void count_always_has_an_end(void **state)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;

	(void)state;
	assert_true(store_key(key, &server.site, "creations", "a"));
	for (int i = 0; i < 4; i++) {
		take_within("a", 60000);
		assert_int_equal(store_words(store, &server.site, &reply, "PTTL", key, NULL), RESULT_OK);
		assert_in_range(reply->integer, 50000, 60000);
		store_reply_free(reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, store_empty)
		TEST(two_are_within_a_limit_of_two),
		TEST(after_the_wait_it_begins_anew),
		TEST(count_always_has_an_end),
#undef TEST
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
