#include "store_tracking.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "monotonic.h"
#include "store_fixture.h"

#define SOON_MS 5000
#define USER "tollgate:{shop}:user:ann"
#define CUSTOMER "tollgate:{shop}:customer:cus_1"

static struct store_tracking *tracking;

static void redis(const char *command, const char *first, const char *second, const char *third)
{
	struct redisReply *reply;

	assert_int_equal(store_words(store, &server.site, &reply, command, first, second, third, NULL),
	    RESULT_OK);
	store_reply_free(reply);
}

static uint64_t wait_for_point(void)
{
	int64_t deadline = monotonic_ms() + SOON_MS;
	uint64_t point = store_tracking_point(tracking, &server.site);

	for (; point == 0 && monotonic_ms() < deadline; monotonic_sleep_ms(1))
		point = store_tracking_point(tracking, &server.site);
	assert_int_not_equal(point, 0);
	return point;
}

static bool unchanged(uint64_t point, const char *key)
{
	const store_place place = store_tracking_place(key);

	return store_tracking_unchanged(tracking, &server.site, point, &place, 1);
}

/* Whether the news came before SOON_MS were over. */
static bool hears_of_change(uint64_t point, const char *key)
{
	int64_t deadline = monotonic_ms() + SOON_MS;

	while (unchanged(point, key) && monotonic_ms() < deadline)
		monotonic_sleep_ms(1);
	return !unchanged(point, key);
}

static int start(void **state)
{
	if (store_empty(state) != 0)
		return -1;
	tracking = store_tracking_new(&server.settings);
	return tracking ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	store_tracking_free(tracking);
	return 0;
}

static void what_was_read_before_a_write_is_old(void **state)
{
	uint64_t point = wait_for_point();

	(void)state;
	assert_true(unchanged(point, USER));
	redis("HSET", USER, "customer:cus_1", "1");
	assert_true(hears_of_change(point, USER));
	assert_true(unchanged(point, CUSTOMER));
	assert_true(unchanged(wait_for_point(), USER));
}

static void one_of_several_keys_is_enough(void **state)
{
	const store_place places[] = { store_tracking_place(USER), store_tracking_place(CUSTOMER) };
	uint64_t point = wait_for_point();

	(void)state;
	assert_true(store_tracking_unchanged(tracking, &server.site, point, places, 2));
	redis("HSET", CUSTOMER, "generation", "1");
	assert_true(hears_of_change(point, CUSTOMER));
	assert_false(store_tracking_unchanged(tracking, &server.site, point, places, 2));
}

static void expiry_is_a_change(void **state)
{
	uint64_t point;

	(void)state;
	redis("HSET", USER, "none_until", "1");
	point = wait_for_point();
	redis("PEXPIRE", USER, "1", NULL);
	assert_true(hears_of_change(point, USER));
}

static void flush_changes_every_key(void **state)
{
	uint64_t point = wait_for_point();

	(void)state;
	redis("FLUSHALL", NULL, NULL, NULL);
	assert_true(hears_of_change(point, USER));
	assert_true(hears_of_change(point, CUSTOMER));
}

static void what_nobody_keeps_is_not_told(void **state)
{
	uint64_t point = wait_for_point();

	(void)state;
	redis("SET", "tollgate:{shop}:event:evt_1", "1", NULL);
	redis("SET", "tollgate:{other}:user:ann", "1", NULL);
	redis("HSET", USER, "customer:cus_1", "1");
	assert_true(hears_of_change(point, USER));
	assert_true(unchanged(point, "tollgate:{shop}:event:evt_1"));
	assert_true(unchanged(point, "tollgate:{other}:user:ann"));
}

/* Writes that fell into the gap were not seen: nothing from before it stands. */
static void lost_connection_makes_all_old(void **state)
{
	uint64_t point = wait_for_point();

	(void)state;
	redis("CLIENT", "KILL", "TYPE", "pubsub");
	assert_true(hears_of_change(point, USER));
	assert_false(unchanged(point, CUSTOMER));
	wait_for_point();
	assert_false(unchanged(point, CUSTOMER));
}

static void silent_server_is_not_trusted(void **state)
{
	uint64_t point = wait_for_point();
	int64_t begun = monotonic_ms();

	(void)state;
	kill(server.pid, SIGSTOP);
	assert_true(hears_of_change(point, USER));
	kill(server.pid, SIGCONT);
	assert_in_range(monotonic_ms() - begun, 0, 2000);
	wait_for_point();
}

static void quiet_server_is_trusted(void **state)
{
	uint64_t point = wait_for_point();

	(void)state;
	monotonic_sleep_ms(1700);
	assert_true(unchanged(point, USER));
}

static void stops_at_once(void **state)
{
	int64_t begun;

	(void)state;
	wait_for_point();
	begun = monotonic_ms();
	store_tracking_free(tracking);
	assert_in_range(monotonic_ms() - begun, 0, 300);
	tracking = NULL;
}

/* Redis compares each written key with each prefix: of many sites all keys are followed. */
static void many_sites_are_followed(void **state)
{
	static struct site sites[40];
	static char names[40][8];
	struct settings many = server.settings;
	uint64_t point;

	(void)state;
	store_tracking_free(tracking);
	for (size_t i = 0; i < 40; i++) {
		sites[i] = server.site;
		sites[i].name = names[i];
		snprintf(names[i], sizeof(names[i]), "s%zu", i);
	}
	many.sites = sites;
	many.n_sites = 40;
	tracking = store_tracking_new(&many);
	point = wait_for_point();
	redis("HSET", "tollgate:{s39}:user:ann", "customer:cus_1", "1");
	assert_true(hears_of_change(point, "tollgate:{s39}:user:ann"));
	assert_true(unchanged(point, "tollgate:{s38}:user:ann"));
	stop(state);
	tracking = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_read_before_a_write_is_old, start, stop),
		cmocka_unit_test_setup_teardown(one_of_several_keys_is_enough, start, stop),
		cmocka_unit_test_setup_teardown(expiry_is_a_change, start, stop),
		cmocka_unit_test_setup_teardown(flush_changes_every_key, start, stop),
		cmocka_unit_test_setup_teardown(what_nobody_keeps_is_not_told, start, stop),
		cmocka_unit_test_setup_teardown(lost_connection_makes_all_old, start, stop),
		cmocka_unit_test_setup_teardown(silent_server_is_not_trusted, start, stop),
		cmocka_unit_test_setup_teardown(quiet_server_is_trusted, start, stop),
		cmocka_unit_test_setup_teardown(many_sites_are_followed, start, stop),
		cmocka_unit_test_setup_teardown(stops_at_once, start, stop),
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
