#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "store_catalogue.h"
#include "store_lock.h"
#include "store_session.h"

#define NOW ((int64_t)time(NULL))
#define BACKOFF_US 120000 /* after a failure nobody asks for 100 ms */

static enum result words(const char *word, const char *key, const char *value)
{
	struct redisReply *reply;
	enum result result = store_words(store, &server.site, &reply, word, key, value, NULL);

	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

/* The server of the group again, whatever a test did to it. */
static int restore(void **state)
{
	(void)state;
	redis_server_kill(&server);
	server.site.redis = (struct redis_settings){ .url = server.url };
	usleep(BACKOFF_US);
	return redis_server_restart(&server, NULL, NULL) ? 0 : -1;
}

static void key_names_site_noun_and_id(void **state)
{
	char key[STORE_KEY_SIZE], id[STORE_KEY_SIZE];

	(void)state;
	assert_true(store_key(key, &server.site, "customer", "cus_1"));
	assert_string_equal(key, "tollgate:{shop}:customer:cus_1");
	assert_true(store_key(key, &server.site, "dirty", NULL));
	assert_string_equal(key, "tollgate:{shop}:dirty");
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_false(store_key(key, &server.site, "customer", id));
}

static void values_are_binary_safe(void **state)
{
	const char *argv[] = { "SET", "k", "a\0b" };
	const size_t lengths[] = { 3, 1, 3 };
	struct redisReply *reply;

	(void)state;
	assert_int_equal(store_command(store, &server.site, 3, argv, lengths, &reply), RESULT_OK);
	store_reply_free(reply);
	assert_int_equal(store_words(store, &server.site, &reply, "GET", "k", NULL), RESULT_OK);
	assert_int_equal(reply->len, 3);
	assert_memory_equal(reply->str, "a\0b", 3);
	store_reply_free(reply);
}

static void error_reply_is_no_reply(void **state)
{
	(void)state;
	assert_int_equal(words("SET", "k", "text"), RESULT_OK);
	assert_int_equal(words("HGET", "k", "f"), RESULT_INTERNAL);
}

static void kept_connection_that_died_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(words("SET", "k", "1"), RESULT_OK);
	redis_server_kill(&server);
	assert_true(redis_server_restart(&server, NULL, NULL));
	assert_int_equal(words("SET", "k", "2"), RESULT_OK);
}

static void server_that_is_down_is_unavailable_and_comes_back(void **state)
{
	(void)state;
	redis_server_kill(&server);
	assert_int_equal(words("SET", "k", "1"), RESULT_UNAVAILABLE);
	assert_true(redis_server_restart(&server, NULL, NULL));
	usleep(BACKOFF_US);
	assert_int_equal(words("SET", "k", "1"), RESULT_OK);
}

static void full_server_is_unavailable_for_writes(void **state)
{
	static const struct store_script write = { "write", "redis.call('SET', KEYS[1], 1) return 1" };
	const char *argv[] = { "k" };
	struct redisReply *reply;

	(void)state;
	redis_server_kill(&server);
	assert_true(redis_server_restart(&server, "--maxmemory", "1"));
	assert_int_equal(words("SET", "k", "1"), RESULT_UNAVAILABLE);
	assert_int_equal(store_script_run(store, &server.site, &write, 1, 1, argv, &reply),
	    RESULT_UNAVAILABLE);
	assert_int_equal(words("GET", "k", NULL), RESULT_OK);
}

static void password_is_sent_and_needed(void **state)
{
	(void)state;
	redis_server_kill(&server);
	assert_true(redis_server_restart(&server, "--requirepass", "a secret"));
	server.site.redis.password = (struct secret){ .text = (char []){ "wrong" }, .length = 5 };
	assert_int_equal(words("SET", "k", "1"), RESULT_UNAVAILABLE);
	server.site.redis.password = (struct secret){ .text = (char []){ "a secret" }, .length = 8 };
	usleep(BACKOFF_US);
	assert_int_equal(words("SET", "k", "1"), RESULT_OK);
}

static void script_is_run_though_redis_forgot_it(void **state)
{
	static const struct store_script script = { "echo", "return ARGV[1]" };
	const char *argv[] = { "k", "hello" };
	struct redisReply *reply;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(words("SCRIPT", "FLUSH", NULL), RESULT_OK);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(store_script_run(store, &server.site, &script, 1, 2, argv, &reply),
			    RESULT_OK);
			assert_string_equal(reply->str, "hello");
			store_reply_free(reply);
		}
	}
}

static enum result inspect(const char *url)
{
	struct problem problem;
	enum result result;

	server.site.redis.url = (char *)(uintptr_t)url;
	result = store_inspect(store, &server.site, &problem);
	server.site.redis.url = server.url;
	return result;
}

static void addresses_that_are_none_are_refused(void **state)
{
	static const char *const urls[] = { "sentinel://a,b", "redis://h", "tcp://h:x", "unix:", "" };

	(void)state;
	assert_int_equal(inspect(server.url), RESULT_OK);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_int_equal(inspect(urls[i]), RESULT_INVALID);
}

static void cluster_is_refused(void **state)
{
	(void)state;
	redis_server_kill(&server);
	assert_true(redis_server_restart(&server, "--cluster-enabled", "yes"));
	assert_int_equal(inspect(server.url), RESULT_INVALID);
}

static void lock_is_for_one(void **state)
{
	struct store_lock first, second;

	(void)state;
	assert_int_equal(store_lock_take(store, &server.site, "hash", 0, 5000, &first), RESULT_OK);
	assert_int_equal(store_lock_take(store, &server.site, "hash", 50, 5000, &second), RESULT_CONFLICT);
	assert_int_equal(store_lock_take(store, &server.site, "other", 0, 5000, &second), RESULT_OK);
	store_lock_release(store, &server.site, &first);
	assert_int_equal(store_lock_take(store, &server.site, "hash", 0, 5000, &second), RESULT_OK);
}

static void lock_of_another_is_not_released(void **state)
{
	struct store_lock first, second;

	(void)state;
	store_lock_take(store, &server.site, "hash", 0, 20, &first);
	usleep(40000);
	assert_int_equal(store_lock_take(store, &server.site, "hash", 0, 5000, &second), RESULT_OK);
	store_lock_release(store, &server.site, &first);
	assert_int_equal(store_lock_take(store, &server.site, "hash", 0, 5000, &first), RESULT_CONFLICT);
}

static void attempt_stays_until_it_ends_or_the_fingerprint_changes(void **state)
{
	char first[33], again[33], other[33], next[33];

	(void)state;
	store_attempt(store, &server.site, "hash", "checkout", "f1", first);
	store_attempt(store, &server.site, "hash", "checkout", "f1", again);
	assert_string_equal(first, again);
	store_attempt(store, &server.site, "hash", "checkout", "f2", other);
	assert_string_not_equal(first, other);
	assert_int_equal(store_attempt_end(store, &server.site, "hash", "checkout"), RESULT_OK);
	store_attempt(store, &server.site, "hash", "checkout", "f2", next);
	assert_string_not_equal(other, next);
}

static void session_is_read_as_written_and_never_reopens(void **state)
{
	struct store_session session = { .id = "cs_1", .user = "ada", .status = "complete",
		.subscription = "sub_1", .expires_at = NOW + 3600 };
	struct store_session late = { .id = "cs_1", .status = "open", .customer = "cus_1" };
	struct store_session found;

	(void)state;
	assert_int_equal(store_session_write(store, &server.site, &session, NOW), RESULT_OK);
	assert_int_equal(store_session_write(store, &server.site, &late, NOW), RESULT_OK);
	assert_int_equal(store_session_read(store, &server.site, "cs_1", &found), RESULT_OK);
	assert_string_equal(found.user, "ada");
	assert_string_equal(found.status, "complete");
	assert_string_equal(found.customer, "cus_1");
	assert_int_equal(found.expires_at, session.expires_at);
	assert_int_equal(store_session_read(store, &server.site, "cs_2", &found), RESULT_NOT_FOUND);
}

static void open_session_is_forgotten_when_told(void **state)
{
	char id[STRIPE_ID_SIZE];

	(void)state;
	store_session_open_write(store, &server.site, "hash", "cs_1", NOW + 60);
	assert_int_equal(store_session_open_read(store, &server.site, "hash", id), RESULT_OK);
	assert_string_equal(id, "cs_1");
	store_session_open_write(store, &server.site, "hash", "", 0);
	assert_int_equal(store_session_open_read(store, &server.site, "hash", id), RESULT_OK);
	assert_string_equal(id, "");
}

static void price_with_a_lookup_key_is_listed_once(void **state)
{
	struct store_price price = { .id = "price_1", .product = "prod_1", .lookup_key = "basic",
		.currency = "eur", .interval = "month", .unit_amount = 500, .active = true, .read_at = 7 };
	struct store_price *all;
	size_t count;

	(void)state;
	assert_int_equal(store_price_write(store, &server.site, &price), RESULT_OK);
	assert_int_equal(store_prices_read(store, &server.site, &all, &count), RESULT_OK);
	assert_int_equal(count, 1);
	assert_memory_equal(&all[0], &price, sizeof(price));
	free(all);
}

static void product_is_replaced_and_may_give_nothing(void **state)
{
	static char keys[][LOOKUP_KEY_SIZE] = { "exports", "seats" };
	struct store_product product = { .id = "prod_1", .features = keys, .n_features = 2 };
	struct store_product *all;
	size_t count;

	(void)state;
	assert_int_equal(store_product_write(store, &server.site, &product), RESULT_OK);
	assert_int_equal(store_products_read(store, &server.site, &all, &count), RESULT_OK);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].n_features, 2);
	assert_string_equal(all[0].features[1], "seats");
	store_products_free(all, count);
	product.n_features = 0;
	assert_int_equal(store_product_write(store, &server.site, &product), RESULT_OK);
	assert_int_equal(store_products_read(store, &server.site, &all, &count), RESULT_OK);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].n_features, 0);
	store_products_free(all, count);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, store_empty)
#define TEST_OF_SERVER(function) cmocka_unit_test_setup_teardown(function, store_empty, restore)
	const struct CMUnitTest tests[] = {
		TEST(key_names_site_noun_and_id),
		TEST(values_are_binary_safe),
		TEST(error_reply_is_no_reply),
		TEST(kept_connection_that_died_is_replaced),
		TEST(server_that_is_down_is_unavailable_and_comes_back),
		TEST_OF_SERVER(full_server_is_unavailable_for_writes),
		TEST_OF_SERVER(password_is_sent_and_needed),
		TEST(script_is_run_though_redis_forgot_it),
		TEST(addresses_that_are_none_are_refused),
		TEST_OF_SERVER(cluster_is_refused),
		TEST(lock_is_for_one),
		TEST(lock_of_another_is_not_released),
		TEST(attempt_stays_until_it_ends_or_the_fingerprint_changes),
		TEST(session_is_read_as_written_and_never_reopens),
		TEST(open_session_is_forgotten_when_told),
		TEST(price_with_a_lookup_key_is_listed_once),
		TEST(product_is_replaced_and_may_give_nothing),
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
