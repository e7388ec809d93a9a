#include "billing_delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SINCE 1800000000
#define THREE_DAYS 259200

static int64_t delay_after(int64_t attempts, int retry_after)
{
	int64_t due = 0;

	assert_true(billing_delivery_again(SINCE, SINCE, attempts, retry_after, &due));
	return due - SINCE;
}

static void delays_are_those_of_the_specification_and_up_to_a_quarter(void **state)
{
	static const int64_t delays[] = { 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, 86400 };

	(void)state;
	for (int64_t i = 0; i < (int64_t)(sizeof(delays) / sizeof(delays[0])); i++)
		assert_in_range(delay_after(i + 1, -1), delays[i], delays[i] * 5 / 4);
}

/* What failed together must not come back together. */
static void delays_differ(void **state)
{
	int64_t first = delay_after(9, -1);
	int same = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		same += delay_after(9, -1) == first;
	assert_true(same < 20);
}

static void receiver_may_ask_for_more_time(void **state)
{
	(void)state;
	assert_int_equal(delay_after(1, 3600), 3600);
	assert_in_range(delay_after(2, 10), 300, 375);
	assert_int_equal(delay_after(1, 1000000), THREE_DAYS);
}

static void last_attempt_is_after_three_days(void **state)
{
	int64_t due = 0;

	(void)state;
	assert_true(billing_delivery_again(SINCE + THREE_DAYS - 1, SINCE, 9, -1, &due));
	assert_int_equal(due, SINCE + THREE_DAYS);
	due = 0;
	assert_false(billing_delivery_again(SINCE + THREE_DAYS, SINCE, 1, -1, &due));
	assert_int_equal(due, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_are_those_of_the_specification_and_up_to_a_quarter),
		cmocka_unit_test(delays_differ),
		cmocka_unit_test(receiver_may_ask_for_more_time),
		cmocka_unit_test(last_attempt_is_after_three_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
