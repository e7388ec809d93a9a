#include "store_duty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "monotonic.h"
#include "store_fixture.h"

static enum result begin(int64_t interval, int64_t ttl_ms, struct store_duty *duty)
{
	int64_t due_in = -1;
	enum result result = store_duty_begin(store, &server.site, "sweep", interval, ttl_ms, duty, &due_in);

	assert_true(result == RESULT_OK ? due_in == 0 : due_in > 0);
	return result;
}

static void duty_is_one_daemons_at_a_time(void **state)
{
	struct store_duty mine, other;

	(void)state;
	assert_int_equal(begin(60, 60000, &mine), RESULT_OK);
	assert_int_equal(begin(60, 60000, &other), RESULT_NOT_FOUND);
	assert_int_equal(begin(0, 60000, &other), RESULT_NOT_FOUND);
	store_duty_end(store, &server.site, &mine, false);
	assert_int_equal(begin(60, 60000, &other), RESULT_OK);
}

static void duty_done_is_not_due_before_its_time(void **state)
{
	struct store_duty duty;

	(void)state;
	assert_int_equal(begin(60, 60000, &duty), RESULT_OK);
	store_duty_end(store, &server.site, &duty, true);
	assert_int_equal(begin(60, 60000, &duty), RESULT_NOT_FOUND);
	assert_int_equal(begin(0, 60000, &duty), RESULT_OK);
}

static void duty_of_the_dead_is_taken_over(void **state)
{
	struct store_duty dead, heir;

	(void)state;
	assert_int_equal(begin(60, 20, &dead), RESULT_OK);
	monotonic_sleep_ms(40);
	assert_int_equal(begin(60, 60000, &heir), RESULT_OK);
	assert_int_equal(store_duty_renew(store, &server.site, &dead, 60000), RESULT_NOT_FOUND);
	assert_int_equal(store_duty_renew(store, &server.site, &heir, 60000), RESULT_OK);
	store_duty_end(store, &server.site, &dead, true);
	assert_int_equal(begin(60, 60000, &dead), RESULT_NOT_FOUND);
	store_duty_end(store, &server.site, &heir, false);
	assert_int_equal(begin(60, 60000, &dead), RESULT_OK);
}

static void number_is_kept(void **state)
{
	int64_t number = -1;

	(void)state;
	assert_int_equal(store_duty_number(store, &server.site, "cursor", &number), RESULT_OK);
	assert_int_equal(number, 0);
	assert_int_equal(store_duty_number_write(store, &server.site, "cursor", 1800000000), RESULT_OK);
	assert_int_equal(store_duty_number(store, &server.site, "cursor", &number), RESULT_OK);
	assert_int_equal(number, 1800000000);
}

static void send(const char *command, const char *noun, const char *id, const char *first,
    const char *second)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;

	assert_true(store_key(key, &server.site, noun, id));
	assert_int_equal(store_words(store, &server.site, &reply, command, key, first, second, NULL), RESULT_OK);
	store_reply_free(reply);
}

static bool is_dirty(const char *customer)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	bool marked;

	assert_true(store_key(key, &server.site, "dirty", NULL));
	assert_int_equal(store_words(store, &server.site, &reply, "ZSCORE", key, customer, NULL), RESULT_OK);
	marked = reply->type == REDIS_REPLY_STRING;
	store_reply_free(reply);
	return marked;
}

static int64_t marked(int64_t until, int64_t from)
{
	int64_t count = -1;

	assert_int_equal(store_renewal_mark(store, &server.site, until, 1, from, &count), RESULT_OK);
	return count;
}

static void record_near_its_end_is_marked(void **state)
{
	(void)state;
	assert_int_equal(marked(1000, 0), 0);
	send("ZADD", "renewals", NULL, "1000", "cus_near");
	send("ZADD", "renewals", NULL, "1001", "cus_far");
	assert_int_equal(marked(1000, 0), 1);
	assert_int_equal(marked(1000, 1), 0);
	assert_true(is_dirty("cus_near"));
	assert_false(is_dirty("cus_far"));
}

static void all_records_near_their_end_are_marked_page_by_page(void **state)
{
	char id[24];
	int64_t from = 0, more;

	(void)state;
	for (int i = 0; i < 1200; i++) {
		snprintf(id, sizeof(id), "cus_%d", i);
		send("ZADD", "renewals", NULL, "1000", id);
	}
	do {
		more = marked(1000, from);
		assert_true(more <= 500);
		from += more;
	} while (more > 0);
	assert_int_equal(from, 1200);
	assert_true(is_dirty("cus_1199"));
}

static void seen_events_are_told_apart(void **state)
{
	static const char *const ids[] = { "evt_1", "evt_2" };
	bool seen[] = { true, false };

	(void)state;
	send("SET", "event", "evt_2", "1", NULL);
	assert_int_equal(store_events_seen(store, &server.site, ids, 0, seen), RESULT_OK);
	assert_int_equal(store_events_seen(store, &server.site, ids, 2, seen), RESULT_OK);
	assert_false(seen[0]);
	assert_true(seen[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, store_empty)
		TEST(duty_is_one_daemons_at_a_time),
		TEST(duty_done_is_not_due_before_its_time),
		TEST(duty_of_the_dead_is_taken_over),
		TEST(number_is_kept),
		TEST(record_near_its_end_is_marked),
		TEST(all_records_near_their_end_are_marked_page_by_page),
		TEST(seen_events_are_told_apart),
#undef TEST
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
