#include "store_customer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "identity.h"
#include "store_fixture.h"

#define NOW 1800000000
#define SUBSCRIPTION "{\"id\":\"%s\",\"customer\":\"cus_1\",\"status\":\"active\"," \
	"\"items\":[{\"id\":\"si_1\",\"price\":\"price_1\",\"current_period_end\":7}]}"

static struct store_user user;

/* One command of redis-cli's kind; its integer. */
static long long redis(const char *command, const char *key, const char *a, const char *b)
{
	struct redisReply *reply = NULL;
	long long integer = 0;

	assert_int_equal(store_words(store, &server.site, &reply, command, key, a, b, NULL), RESULT_OK);
	integer = reply->integer;
	store_reply_free(reply);
	return integer;
}

static const char *user_key(const char *name)
{
	static char key[STORE_KEY_SIZE];
	char hash[65];

	assert_true(identity_user_hash(name, hash));
	assert_true(store_key(key, &server.site, "user", hash));
	return key;
}

static void customer_set(const char *customer, const char *field, const char *value)
{
	char key[STORE_KEY_SIZE];

	assert_true(store_key(key, &server.site, "customer", customer));
	redis("HSET", key, field, value);
}

/* A subscription as tollgate-sync stores it. */
static void subscription_set(const char *customer, const char *id)
{
	char field[64], json[512];

	assert_in_range(snprintf(field, sizeof(field), "subscription:%s", id), 1, sizeof(field) - 1);
	assert_in_range(snprintf(json, sizeof(json), SUBSCRIPTION, id), 1, sizeof(json) - 1);
	customer_set(customer, field, json);
	customer_set(customer, "generation", "3");
}

static void link_user(const char *customer, const char *name, int64_t now)
{
	assert_int_equal(store_customer_link(store, &server.site, customer, name, now), RESULT_OK);
}

static void read_user(const char *name)
{
	char hash[65];

	assert_true(identity_user_hash(name, hash));
	store_user_free(&user);
	assert_int_equal(store_user_read(store, &server.site, hash, &user), RESULT_OK);
}

static void none_write(const char *name, int64_t now)
{
	char hash[65];

	assert_true(identity_user_hash(name, hash));
	assert_int_equal(store_user_none_write(store, &server.site, hash, now), RESULT_OK);
}

static void nobody_is_not_known(void **state)
{
	(void)state;
	read_user("ann");
	assert_false(user.known);
	assert_int_equal(user.n_customers, 0);
}

static void linked_customer_comes_with_all_that_is_stored(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	customer_set("cus_1", "as_of:sub_1", "11");
	customer_set("cus_1", "past_due_since:sub_1", "12");
	customer_set("cus_1", "first_payment:sub_1", "failed");
	customer_set("cus_1", "features", "[\"exports\",\"exports\",7,\"\",\"seats\"]");
	read_user("ann");
	assert_true(user.known);
	assert_int_equal(user.n_records, 1);
	assert_string_equal(user.records[0].snapshot.items[0].price, "price_1");
	assert_int_equal(user.records[0].as_of, 11);
	assert_int_equal(user.records[0].past_due_since, 12);
	assert_int_equal(user.records[0].first_payment, FIRST_PAYMENT_FAILED);
	assert_int_equal(user.n_features, 2);
	assert_string_equal(user.features[1], "seats");
}

static void facts_stay_with_their_subscription(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	subscription_set("cus_1", "sub_12");
	customer_set("cus_1", "past_due_since:sub_12", "12");
	read_user("ann");
	assert_int_equal(user.n_records, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first = strcmp(user.records[i].snapshot.id, "sub_1") == 0;

		assert_int_equal(user.records[i].past_due_since, first ? 0 : 12);
	}
}

static void customers_come_oldest_link_first(void **state)
{
	(void)state;
	link_user("cus_new", "ann", NOW + 1);
	link_user("cus_b", "ann", NOW);
	link_user("cus_a", "ann", NOW);
	link_user("cus_new", "ann", NOW - 9);
	read_user("ann");
	assert_int_equal(user.n_customers, 3);
	assert_string_equal(user.customers[0], "cus_a");
	assert_string_equal(user.customers[1], "cus_b");
	assert_string_equal(user.customers[2], "cus_new");
}

static void records_and_features_of_customers_add_up(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	link_user("cus_2", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	subscription_set("cus_2", "sub_2");
	customer_set("cus_1", "features", "[\"exports\"]");
	customer_set("cus_2", "features", "[\"seats\",\"exports\"]");
	read_user("ann");
	assert_true(user.known);
	assert_int_equal(user.n_records, 2);
	assert_int_equal(user.n_features, 2);
}

static void deleted_customer_is_left_out_and_yet_known(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	customer_set("cus_1", "deleted", "1");
	read_user("ann");
	assert_true(user.known);
	assert_int_equal(user.n_customers, 0);
	assert_int_equal(user.n_records, 0);
}

static void customer_without_generation_is_a_miss(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	link_user("cus_2", "ann", NOW);
	read_user("ann");
	assert_false(user.known);
	assert_int_equal(user.n_customers, 2);
	assert_int_equal(user.n_records, 1);
}

static void unreadable_record_is_a_miss(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	customer_set("cus_1", "subscription:sub_2", "{}");
	read_user("ann");
	assert_false(user.known);
	assert_int_equal(user.n_records, 1);
}

static void unreadable_features_are_a_miss_and_no_error(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	subscription_set("cus_1", "sub_1");
	customer_set("cus_1", "features", "[\"exports\"");
	read_user("ann");
	assert_false(user.known);
	assert_int_equal(user.n_records, 1);
	assert_int_equal(user.n_features, 0);
}

static void stored_no_holds_for_ten_minutes(void **state)
{
	int64_t now = time(NULL);

	(void)state;
	none_write("ann", now);
	read_user("ann");
	assert_true(user.known);
	assert_in_range(redis("TTL", user_key("ann"), NULL, NULL), 595, 600);
	none_write("bob", now - 599);
	read_user("bob");
	assert_true(user.known);
	redis("HSET", user_key("eve"), "none_until", "1700000000");
	read_user("eve");
	assert_false(user.known);
}

static void link_clears_the_stored_no_and_its_end(void **state)
{
	(void)state;
	none_write("ann", time(NULL));
	link_user("cus_1", "ann", NOW);
	assert_int_equal(redis("HEXISTS", user_key("ann"), "none_until", NULL), 0);
	assert_int_equal(redis("TTL", user_key("ann"), NULL, NULL), -1);
}

static void stored_no_beside_a_link_lets_nothing_expire(void **state)
{
	(void)state;
	link_user("cus_1", "ann", NOW);
	none_write("ann", time(NULL));
	assert_int_equal(redis("TTL", user_key("ann"), NULL, NULL), -1);
}

static void customer_of_another_user_is_not_linked(void **state)
{
	char owner[129];

	(void)state;
	link_user("cus_1", "ann", NOW);
	link_user("cus_1", "ann", NOW);
	assert_int_equal(store_customer_link(store, &server.site, "cus_1", "bob", NOW), RESULT_CONFLICT);
	assert_int_equal(redis("EXISTS", user_key("bob"), NULL, NULL), 0);
	assert_int_equal(store_customer_user(store, &server.site, "cus_1", owner), RESULT_OK);
	assert_string_equal(owner, "ann");
	assert_int_equal(store_customer_user(store, &server.site, "cus_2", owner), RESULT_OK);
	assert_string_equal(owner, "");
}

/* So that apply.lua finds her other customers. */
static void link_names_the_key_of_its_user(void **state)
{
	char key[STORE_KEY_SIZE], hash[65];
	struct redisReply *reply;

	(void)state;
	assert_true(identity_user_hash("ann", hash));
	link_user("cus_1", "ann", NOW);
	assert_true(store_key(key, &server.site, "customer", "cus_1"));
	assert_int_equal(store_words(store, &server.site, &reply, "HGET", key, "user_hash", NULL),
	    RESULT_OK);
	assert_string_equal(reply->str, hash);
	store_reply_free(reply);
}

static void generation_is_read(void **state)
{
	int64_t generation = -1;

	(void)state;
	assert_int_equal(store_customer_generation(store, &server.site, "cus_1", &generation), RESULT_OK);
	assert_int_equal(generation, 0);
	customer_set("cus_1", "generation", "42");
	assert_int_equal(store_customer_generation(store, &server.site, "cus_1", &generation), RESULT_OK);
	assert_int_equal(generation, 42);
}

static void assert_score(const char *queue, const char *member, const char *expected)
{
	struct redisReply *reply = NULL;
	char key[STORE_KEY_SIZE];

	assert_true(store_key(key, &server.site, queue, NULL));
	assert_int_equal(store_words(store, &server.site, &reply, "ZSCORE", key, member, NULL), RESULT_OK);
	assert_string_equal(reply->str, expected);
	store_reply_free(reply);
}

static void first_question_keeps_its_time(void **state)
{
	(void)state;
	assert_int_equal(store_wish(store, &server.site, "ann", NOW), RESULT_OK);
	assert_int_equal(store_wish(store, &server.site, "ann", NOW + 1), RESULT_OK);
	assert_score("wishes", "ann", "1800000000");
	assert_int_equal(store_dirty(store, &server.site, "cus_1", NOW), RESULT_OK);
	assert_int_equal(store_dirty(store, &server.site, "cus_1", NOW + 1), RESULT_OK);
	assert_score("dirty", "cus_1", "1800000000");
}

static int stop(void **state)
{
	store_user_free(&user);
	return store_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, store_empty)
		TEST(nobody_is_not_known),
		TEST(linked_customer_comes_with_all_that_is_stored),
		TEST(facts_stay_with_their_subscription),
		TEST(customers_come_oldest_link_first),
		TEST(records_and_features_of_customers_add_up),
		TEST(deleted_customer_is_left_out_and_yet_known),
		TEST(customer_without_generation_is_a_miss),
		TEST(unreadable_record_is_a_miss),
		TEST(unreadable_features_are_a_miss_and_no_error),
		TEST(stored_no_holds_for_ten_minutes),
		TEST(link_clears_the_stored_no_and_its_end),
		TEST(stored_no_beside_a_link_lets_nothing_expire),
		TEST(customer_of_another_user_is_not_linked),
		TEST(link_names_the_key_of_its_user),
		TEST(generation_is_read),
		TEST(first_question_keeps_its_time),
#undef TEST
	};

	return cmocka_run_group_tests(tests, store_start, stop);
}
