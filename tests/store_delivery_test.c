#include "store_delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "json_read.h"
#include "store_fixture.h"

#define NOW 1800000000
#define AGE_MAX 259200

/* A notice of the stream; `at` is the id that it gets there. */
static void tell_at(const char *at, const char *id, const char *customer)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;

	assert_true(store_key(key, &server.site, "notices", NULL));
	assert_int_equal(store_words(store, &server.site, &reply, "XADD", key, at, "id", id, "type",
	    "payment_failed", "data", "{\"invoice\":\"in_1\"}", "created", "1799999999",
	    "customer", customer, "user", "ann", NULL), RESULT_OK);
	store_reply_free(reply);
}

static void tell(const char *id, const char *customer)
{
	tell_at("*", id, customer);
}

static int64_t answer(const char *word, const char *key, const char *argument, const char *more)
{
	char full[STORE_KEY_SIZE];
	struct redisReply *reply;
	int64_t number;

	assert_true(store_key(full, &server.site, key, NULL));
	assert_int_equal(store_words(store, &server.site, &reply, word, full, argument,
	    argument ? more : NULL, NULL), RESULT_OK);
	number = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : reply->integer;
	store_reply_free(reply);
	return number;
}

static int64_t counter(const char *name)
{
	return answer("HGET", "counters", name, NULL);
}

static struct store_delivery take(int64_t now)
{
	struct store_delivery delivery;

	assert_int_equal(store_delivery_take(store, &server.site, now, AGE_MAX, &delivery), RESULT_OK);
	return delivery;
}

/* Takes what must be this notice, and says how it ended. */
static void settle(int64_t now, const char *id, enum store_delivery_end end, int64_t due)
{
	struct store_delivery delivery = take(now);

	assert_non_null(delivery.entry);
	assert_string_equal(json_text(delivery.notice, "/id"), id);
	assert_int_equal(store_delivery_settle(store, &server.site, &delivery, end, due), RESULT_OK);
	store_delivery_free(&delivery);
}

static void assert_idle(int64_t now, int64_t due)
{
	struct store_delivery delivery = take(now);

	assert_null(delivery.entry);
	assert_int_equal(delivery.due, due);
	store_delivery_free(&delivery);
}

static void notice_is_as_the_stream_has_it(void **state)
{
	struct store_delivery delivery;

	(void)state;
	tell("n1", "cus_1");
	delivery = take(NOW);
	assert_string_equal(delivery.lane, "cus_1");
	assert_string_equal(json_text(delivery.notice, "/type"), "payment_failed");
	assert_string_equal(json_text(delivery.notice, "/data"), "{\"invoice\":\"in_1\"}");
	assert_string_equal(json_text(delivery.notice, "/user"), "ann");
	assert_int_equal(json_integer(delivery.notice, "/created"), 1799999999);
	assert_int_equal(json_integer(delivery.notice, "/since"), NOW);
	assert_int_equal(delivery.attempts, 0);
	store_delivery_free(&delivery);
}

static void order_of_a_customer_is_kept(void **state)
{
	(void)state;
	tell("n1", "cus_1");
	tell("n2", "cus_1");
	settle(NOW, "n1", DELIVERY_DONE, NOW);
	settle(NOW, "n2", DELIVERY_DONE, NOW);
	assert_idle(NOW, INT64_MAX);
	assert_int_equal(counter("notices_delivered"), 2);
}

static void failed_one_holds_back_its_customer_alone(void **state)
{
	(void)state;
	tell("n1", "cus_1");
	tell("n2", "cus_1");
	tell("n3", "cus_2");
	tell("n4", "");
	settle(NOW, "n4", DELIVERY_DONE, NOW);
	settle(NOW, "n1", DELIVERY_FAILED, NOW + 5);
	settle(NOW, "n3", DELIVERY_DONE, NOW);
	assert_idle(NOW, NOW + 5);
	settle(NOW + 5, "n1", DELIVERY_DONE, NOW + 5);
	settle(NOW + 5, "n2", DELIVERY_DONE, NOW + 5);
}

static void attempts_are_counted_until_the_end(void **state)
{
	struct store_delivery delivery;

	(void)state;
	tell("n1", "cus_1");
	settle(NOW, "n1", DELIVERY_FAILED, NOW);
	settle(NOW, "n1", DELIVERY_FAILED, NOW);
	delivery = take(NOW);
	assert_int_equal(delivery.attempts, 2);
	assert_int_equal(store_delivery_settle(store, &server.site, &delivery, DELIVERY_GIVEN_UP, NOW),
	    RESULT_OK);
	store_delivery_free(&delivery);
	assert_int_equal(counter("notices_given_up"), 1);
	tell("n2", "cus_1");
	delivery = take(NOW);
	assert_int_equal(delivery.attempts, 0);
	store_delivery_free(&delivery);
}

static void what_is_in_hand_is_not_handed_out_again(void **state)
{
	struct store_delivery first, again;

	(void)state;
	tell("n1", "cus_1");
	first = take(NOW);
	tell("n2", "cus_1");
	assert_idle(NOW, NOW + STORE_DELIVERY_HOLD);
	assert_idle(NOW + STORE_DELIVERY_HOLD - 1, NOW + STORE_DELIVERY_HOLD);
	again = take(NOW + STORE_DELIVERY_HOLD);
	assert_string_equal(again.entry, first.entry);
	store_delivery_free(&again);
	store_delivery_free(&first);
}

/* Who was stopped in between must not end the notice that is in hand now. */
static void late_end_changes_nothing(void **state)
{
	struct store_delivery late;

	(void)state;
	tell("n1", "cus_1");
	tell("n2", "cus_1");
	late = take(NOW);
	settle(NOW + STORE_DELIVERY_HOLD, "n1", DELIVERY_DONE, NOW);
	assert_int_equal(store_delivery_settle(store, &server.site, &late, DELIVERY_DONE, NOW), RESULT_OK);
	assert_int_equal(store_delivery_settle(store, &server.site, &late, DELIVERY_FAILED, NOW + 999),
	    RESULT_OK);
	store_delivery_free(&late);
	settle(NOW + STORE_DELIVERY_HOLD, "n2", DELIVERY_DONE, NOW);
	assert_int_equal(counter("notices_delivered"), 2);
}

static void each_is_taken_over_once(void **state)
{
	struct store_delivery delivery;

	(void)state;
	tell("n1", "cus_1");
	settle(NOW, "n1", DELIVERY_DONE, NOW);
	assert_int_equal(answer("XLEN", "notices", NULL, NULL), 1);
	delivery = take(NOW);
	assert_null(delivery.entry);
	assert_int_equal(delivery.lost, 0);
	store_delivery_free(&delivery);
}

static void trimmed_stream_loses_nothing_that_was_taken_over(void **state)
{
	(void)state;
	tell("n1", "cus_1");
	tell("n2", "cus_1");
	settle(NOW, "n1", DELIVERY_FAILED, NOW);
	answer("XTRIM", "notices", "MAXLEN", "0");
	settle(NOW, "n1", DELIVERY_DONE, NOW);
	settle(NOW, "n2", DELIVERY_DONE, NOW);
	tell("n3", "cus_1");
	settle(NOW, "n3", DELIVERY_DONE, NOW);
	assert_int_equal(counter("notices_lost"), 0);
}

static void notices_trimmed_before_they_were_seen_are_counted(void **state)
{
	struct store_delivery delivery;

	(void)state;
	tell("n1", "cus_1");
	settle(NOW, "n1", DELIVERY_DONE, NOW);
	for (int i = 0; i < 5; i++)
		tell("lost", "cus_1");
	answer("XTRIM", "notices", "MAXLEN", "2");
	delivery = take(NOW);
	assert_int_equal(delivery.lost, 3);
	store_delivery_free(&delivery);
	assert_int_equal(counter("notices_lost"), 3);
}

static void many_at_once_are_neither_lost_nor_counted_as_lost(void **state)
{
	struct store_delivery delivery;
	int64_t lost = 0;

	(void)state;
	tell("n1", "cus_0");
	settle(NOW, "n1", DELIVERY_DONE, NOW);
	for (int i = 0; i < 450; i++)
		tell("many", "cus_1");
	for (int i = 0; i < 4; i++) {
		delivery = take(NOW);
		lost += delivery.lost;
		store_delivery_free(&delivery);
	}
	assert_int_equal(lost, 0);
	assert_int_equal(answer("LLEN", "delivery_lane:cus_1", NULL, NULL), 450);
}

/* A site that begins to be told is not told of last month. */
static void notices_older_than_three_days_are_left_behind(void **state)
{
	char at[32];

	(void)state;
	snprintf(at, sizeof(at), "%lld-0", ((long long)time(NULL) - AGE_MAX - 60) * 1000);
	tell_at(at, "old", "cus_1");
	snprintf(at, sizeof(at), "%lld-0", ((long long)time(NULL) - AGE_MAX + 60) * 1000);
	tell_at(at, "new", "cus_1");
	settle(NOW, "new", DELIVERY_DONE, NOW);
	assert_idle(NOW, INT64_MAX);
}

static void away_for_a_week_and_the_oldest_are_lost(void **state)
{
	struct store_delivery delivery;
	char at[32];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(at, sizeof(at), "%lld-%d", ((long long)time(NULL) - 2 * AGE_MAX) * 1000, i + 1);
		tell_at(at, "old", "cus_1");
	}
	snprintf(at, sizeof(at), "%lld-1", ((long long)time(NULL) - 2 * AGE_MAX) * 1000);
	answer("HSET", "delivery", "cursor", at);
	answer("HSET", "delivery", "taken", "1");
	tell("new", "cus_1");
	delivery = take(NOW);
	assert_string_equal(json_text(delivery.notice, "/id"), "new");
	assert_int_equal(delivery.lost, 2);
	store_delivery_free(&delivery);
}

static void stream_that_begins_anew_lost_nothing(void **state)
{
	struct store_delivery delivery;
	char at[32];

	(void)state;
	for (int i = 0; i < 5; i++)
		tell("n", "cus_1");
	settle(NOW, "n", DELIVERY_DONE, NOW);
	answer("DEL", "notices", NULL, NULL);
	snprintf(at, sizeof(at), "%lld-0", ((long long)time(NULL) + 1) * 1000);
	tell_at(at, "new", "cus_2");
	delivery = take(NOW);
	assert_int_equal(delivery.lost, 0);
	store_delivery_free(&delivery);
	assert_int_equal(answer("HGET", "delivery", "taken", NULL), 1);
}

static void lane_that_was_deleted_is_forgotten(void **state)
{
	(void)state;
	tell("n1", "cus_1");
	settle(NOW, "n1", DELIVERY_FAILED, NOW);
	answer("DEL", "delivery_lane:cus_1", NULL, NULL);
	tell("n2", "cus_2");
	settle(NOW, "n2", DELIVERY_DONE, NOW);
	assert_idle(NOW, INT64_MAX);
	assert_int_equal(answer("HEXISTS", "delivery", "attempts:cus_1", NULL), 0);
}

static void entry_that_is_no_notice_is_handed_out_without_one(void **state)
{
	struct store_delivery delivery;

	(void)state;
	answer("RPUSH", "delivery_lane:cus_1", "junk", NULL);
	answer("ZADD", "delivery_due", "0", "cus_1");
	delivery = take(NOW);
	assert_string_equal(delivery.entry, "junk");
	assert_null(delivery.notice);
	store_delivery_free(&delivery);
}

#define DELIVERY_TEST(name) cmocka_unit_test_setup(name, store_empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DELIVERY_TEST(notice_is_as_the_stream_has_it),
		DELIVERY_TEST(order_of_a_customer_is_kept),
		DELIVERY_TEST(failed_one_holds_back_its_customer_alone),
		DELIVERY_TEST(attempts_are_counted_until_the_end),
		DELIVERY_TEST(what_is_in_hand_is_not_handed_out_again),
		DELIVERY_TEST(late_end_changes_nothing),
		DELIVERY_TEST(each_is_taken_over_once),
		DELIVERY_TEST(trimmed_stream_loses_nothing_that_was_taken_over),
		DELIVERY_TEST(notices_trimmed_before_they_were_seen_are_counted),
		DELIVERY_TEST(many_at_once_are_neither_lost_nor_counted_as_lost),
		DELIVERY_TEST(notices_older_than_three_days_are_left_behind),
		DELIVERY_TEST(away_for_a_week_and_the_oldest_are_lost),
		DELIVERY_TEST(stream_that_begins_anew_lost_nothing),
		DELIVERY_TEST(lane_that_was_deleted_is_forgotten),
		DELIVERY_TEST(entry_that_is_no_notice_is_handed_out_without_one),
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
