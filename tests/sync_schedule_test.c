#include "sync_schedule.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "monotonic.h"

#define DUTY_FAR_MS 600000

static struct sync_turn take_work(struct sync_schedule *schedule)
{
	struct sync_turn turn;

	for (;;) {
		assert_true(sync_schedule_take(schedule, &turn));
		if (!turn.duty)
			return turn;
		sync_schedule_give(schedule, &turn, TURN_IDLE, DUTY_FAR_MS);
	}
}

static void *stop_soon(void *schedule)
{
	monotonic_sleep_ms(150);
	sync_schedule_stop(schedule);
	return NULL;
}

/* Whether a turn comes before the schedule is stopped, which this does. */
static bool comes_soon(struct sync_schedule *schedule, struct sync_turn *turn)
{
	pthread_t stopper;
	bool taken;

	assert_int_equal(pthread_create(&stopper, NULL, stop_soon, schedule), 0);
	do {
		taken = sync_schedule_take(schedule, turn);
		if (taken && turn->duty)
			sync_schedule_give(schedule, turn, TURN_IDLE, DUTY_FAR_MS);
	} while (taken && turn->duty);
	pthread_join(stopper, NULL);
	return taken;
}

static void every_site_has_its_turn_and_its_duties(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(2, 4);
	int seen[2][2] = { { 0 } };
	struct sync_turn turn;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(sync_schedule_take(schedule, &turn));
		seen[turn.site][turn.duty]++;
		sync_schedule_give(schedule, &turn, TURN_IDLE, 1000);
	}
	for (size_t site = 0; site < 2; site++)
		assert_true(seen[site][0] == 1 && seen[site][1] == 1);
	sync_schedule_free(schedule);
}

static void one_thread_at_a_time_looks_for_a_sites_work(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(1, 4);
	struct sync_turn first = take_work(schedule), second;

	(void)state;
	assert_false(comes_soon(schedule, &second));
	sync_schedule_give(schedule, &first, TURN_IDLE, 0);
	sync_schedule_free(schedule);
}

static void found_work_lets_the_next_thread_look(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(1, 4);
	struct sync_turn first = take_work(schedule), second;

	(void)state;
	sync_schedule_found(schedule, &first);
	assert_true(comes_soon(schedule, &second));
	sync_schedule_free(schedule);
}

static void busy_site_leaves_half_of_the_threads(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(2, 4);
	size_t busy[2] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct sync_turn turn = take_work(schedule);

		busy[turn.site]++;
		sync_schedule_found(schedule, &turn);
	}
	assert_true(busy[0] == 2 && busy[1] == 2);
	sync_schedule_free(schedule);
}

static void failing_site_waits_and_holds_up_no_other(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(2, 4);
	struct sync_turn turn = take_work(schedule);
	size_t failing = turn.site;

	(void)state;
	sync_schedule_found(schedule, &turn);
	sync_schedule_give(schedule, &turn, TURN_FAILED, 0);
	for (int i = 0; i < 3; i++) {
		turn = take_work(schedule);
		assert_int_not_equal(turn.site, failing);
		sync_schedule_give(schedule, &turn, TURN_WORKED, 0);
	}
	sync_schedule_free(schedule);
}

/* Who waits at the gate is not to wait for the end of a duty. */
static void redis_that_answers_again_is_no_failure_any_more(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(1, 4);
	struct sync_turn turn, second;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(sync_schedule_take(schedule, &turn));
		sync_schedule_give(schedule, &turn, turn.duty ? TURN_IDLE : TURN_FAILED, turn.duty ? 1100 : 0);
	}
	do {
		assert_true(sync_schedule_take(schedule, &turn));
		if (!turn.duty)
			sync_schedule_give(schedule, &turn, TURN_IDLE, 0);
	} while (!turn.duty);
	assert_true(comes_soon(schedule, &second));
	sync_schedule_free(schedule);
}

static void pause_that_stripe_wants_is_kept(void **state)
{
	struct sync_schedule *schedule = sync_schedule_new(1, 2);
	struct sync_turn turn = take_work(schedule);
	int64_t began = monotonic_ms();

	(void)state;
	sync_schedule_found(schedule, &turn);
	sync_schedule_give(schedule, &turn, TURN_FAILED, 1300);
	turn = take_work(schedule);
	assert_true(monotonic_ms() - began >= 1300);
	sync_schedule_give(schedule, &turn, TURN_IDLE, 0);
	sync_schedule_free(schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_site_has_its_turn_and_its_duties),
		cmocka_unit_test(one_thread_at_a_time_looks_for_a_sites_work),
		cmocka_unit_test(found_work_lets_the_next_thread_look),
		cmocka_unit_test(busy_site_leaves_half_of_the_threads),
		cmocka_unit_test(failing_site_waits_and_holds_up_no_other),
		cmocka_unit_test(redis_that_answers_again_is_no_failure_any_more),
		cmocka_unit_test(pause_that_stripe_wants_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
