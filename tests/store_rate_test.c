#include "store_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "monotonic.h"
#include "store_fixture.h"

static int64_t wait_for_call(bool *paused)
{
	int64_t wait_ms = -1;

	assert_int_equal(store_rate_take(store, &server.site, 3, &wait_ms, paused), RESULT_OK);
	return wait_ms;
}

static int64_t pause_for(int retry_after)
{
	int64_t pause_ms = 0;

	assert_int_equal(store_rate_pause(store, &server.site, retry_after, &pause_ms), RESULT_OK);
	return pause_ms;
}

static void end_pause(void)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;

	assert_true(store_key(key, &server.site, "pause", NULL));
	assert_int_equal(store_words(store, &server.site, &reply, "DEL", key, NULL), RESULT_OK);
	store_reply_free(reply);
}

static void calls_of_one_second_are_counted(void **state)
{
	bool paused;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(wait_for_call(&paused), 0);
	assert_in_range(wait_for_call(&paused), 1, 1000);
	assert_false(paused);
	monotonic_sleep_ms(1050);
	assert_int_equal(wait_for_call(&paused), 0);
}

static void pause_stops_everybody(void **state)
{
	bool paused;

	(void)state;
	assert_int_equal(pause_for(7), 7000);
	assert_in_range(wait_for_call(&paused), 6000, 7000);
	assert_true(paused);
}

static void pause_doubles_unless_stripe_says_more(void **state)
{
	static const int64_t seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60 };

	(void)state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		assert_int_equal(pause_for(0), seconds[i] * 1000);
		end_pause();
	}
	assert_int_equal(pause_for(90), 90000);
}

static void answers_to_one_burst_are_one_pause(void **state)
{
	(void)state;
	assert_int_equal(pause_for(0), 1000);
	assert_in_range(pause_for(0), 1, 1000);
	end_pause();
	assert_int_equal(pause_for(0), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, store_empty)
		TEST(calls_of_one_second_are_counted),
		TEST(pause_stops_everybody),
		TEST(pause_doubles_unless_stripe_says_more),
		TEST(answers_to_one_burst_are_one_pause),
#undef TEST
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
