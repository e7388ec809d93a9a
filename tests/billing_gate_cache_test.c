#include "billing_gate_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "monotonic.h"
#include "store_fixture.h"

#define NOW INT64_C(1700000000)
#define SOON_MS 5000

static struct gate_cache *cache;
static struct plan plan;
static char customers[16][STRIPE_ID_SIZE];
static struct store_user user;
static struct access_decision pass, found;
static struct gate_cache_key key;

static int start(void **state)
{
	if (store_empty(state) != 0)
		return -1;
	for (size_t i = 0; i < 16; i++)
		snprintf(customers[i], sizeof(customers[i]), "cus_%zu", i);
	user = (struct store_user){ .known = true, .customers = customers, .n_customers = 1 };
	pass = (struct access_decision){ .pass = true, .status = SUBSCRIPTION_ACTIVE, .plan = &plan,
		.has_subscription = true, .until = NOW + 100, .holds_until = NOW + 60,
		.features = "exports,seats" };
	key = (struct gate_cache_key){ &server.site, "0a1b", "plan:basic" };
	cache = gate_cache_new(&server.settings);
	return cache ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	gate_cache_free(cache);
	return 0;
}

static uint64_t point_now(void)
{
	int64_t deadline = monotonic_ms() + SOON_MS;
	uint64_t point = gate_cache_point(cache, &server.site);

	for (; point == 0 && monotonic_ms() < deadline; monotonic_sleep_ms(1))
		point = gate_cache_point(cache, &server.site);
	return point;
}

static void keep(void)
{
	gate_cache_write(cache, &key, point_now(), &user, &pass);
}

static bool kept_at(int64_t now)
{
	memset(&found, 0x55, sizeof(found));
	return gate_cache_read(cache, &key, now, &found);
}

static bool forgotten_soon(void)
{
	int64_t deadline = monotonic_ms() + SOON_MS;

	while (kept_at(NOW) && monotonic_ms() < deadline)
		monotonic_sleep_ms(1);
	return !kept_at(NOW);
}

static void write_key(const char *name)
{
	struct redisReply *reply;

	assert_int_equal(store_words(store, &server.site, &reply, "HSET", name, "field", "1", NULL), RESULT_OK);
	store_reply_free(reply);
}

static void pass_is_found_as_it_was(void **state)
{
	(void)state;
	assert_false(kept_at(NOW));
	keep();
	assert_true(kept_at(NOW));
	assert_true(found.pass && found.has_subscription);
	assert_int_equal(found.reason, REASON_NONE);
	assert_int_equal(found.status, SUBSCRIPTION_ACTIVE);
	assert_ptr_equal(found.plan, &plan);
	assert_int_equal(found.until, NOW + 100);
	assert_string_equal(found.features, "exports,seats");
}

static void denial_is_not_kept(void **state)
{
	(void)state;
	pass.pass = false;
	pass.reason = REASON_CANCELED;
	keep();
	assert_false(kept_at(NOW));
}

static void nothing_is_kept_while_changes_are_not_seen(void **state)
{
	(void)state;
	gate_cache_write(cache, &key, 0, &user, &pass);
	assert_false(kept_at(NOW));
}

static void pass_ends_with_its_time(void **state)
{
	(void)state;
	keep();
	assert_true(kept_at(NOW + 59));
	assert_false(kept_at(NOW + 60));
}

static void another_question_is_another_answer(void **state)
{
	const struct gate_cache_key asked = key;
	struct site other = server.site;

	(void)state;
	keep();
	key.require = "plan:premium";
	assert_false(kept_at(NOW));
	key = asked;
	key.user_hash = "0a1c";
	assert_false(kept_at(NOW));
	key = asked;
	key.site = &other;
	assert_false(kept_at(NOW));
	key = asked;
	assert_true(kept_at(NOW));
}

static void write_to_her_or_a_customer_of_hers_ends_it(void **state)
{
	static const char *const names[] = { "tollgate:{shop}:user:0a1b",
		"tollgate:{shop}:customer:cus_0", "tollgate:{shop}:customer:cus_2" };

	(void)state;
	user.n_customers = 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		keep();
		assert_true(kept_at(NOW));
		write_key(names[i]);
		assert_true(forgotten_soon());
	}
}

/* The reading began before the write was heard of: it may have missed it. */
static void reading_that_a_write_overtook_is_not_kept(void **state)
{
	uint64_t before = point_now();

	(void)state;
	keep();
	write_key("tollgate:{shop}:user:0a1b");
	assert_true(forgotten_soon());
	gate_cache_write(cache, &key, before, &user, &pass);
	assert_false(kept_at(NOW));
}

static void too_many_customers_are_not_kept(void **state)
{
	(void)state;
	user.n_customers = 16;
	keep();
	assert_false(kept_at(NOW));
}

static void long_requirement_is_not_kept(void **state)
{
	char require[200];

	(void)state;
	memset(require, 'x', sizeof(require) - 1);
	require[sizeof(require) - 1] = '\0';
	key.require = require;
	keep();
	assert_false(kept_at(NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pass_is_found_as_it_was, start, stop),
		cmocka_unit_test_setup_teardown(denial_is_not_kept, start, stop),
		cmocka_unit_test_setup_teardown(nothing_is_kept_while_changes_are_not_seen, start, stop),
		cmocka_unit_test_setup_teardown(pass_ends_with_its_time, start, stop),
		cmocka_unit_test_setup_teardown(another_question_is_another_answer, start, stop),
		cmocka_unit_test_setup_teardown(write_to_her_or_a_customer_of_hers_ends_it, start, stop),
		cmocka_unit_test_setup_teardown(reading_that_a_write_overtook_is_not_kept, start, stop),
		cmocka_unit_test_setup_teardown(too_many_customers_are_not_kept, start, stop),
		cmocka_unit_test_setup_teardown(long_requirement_is_not_kept, start, stop),
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
