#include "store_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "monotonic.h"
#include "store_fixture.h"
#include "store_customer.h"

#define LONG_MS 60000
#define NOW 1800000000

static void assert_claims(enum work_kind kind, const char *id, struct store_work *work)
{
	assert_int_equal(store_work_claim(store, &server.site, LONG_MS, work), RESULT_OK);
	assert_int_equal(work->kind, kind);
	assert_string_equal(work->id, id);
}

static void assert_nothing_to_do(void)
{
	struct store_work work;

	assert_int_equal(store_work_claim(store, &server.site, LONG_MS, &work), RESULT_NOT_FOUND);
}

static void mark(const char *customer, int64_t at)
{
	assert_int_equal(store_dirty(store, &server.site, customer, at), RESULT_OK);
}

static void nothing_is_to_be_done_at_first(void **state)
{
	(void)state;
	assert_nothing_to_do();
}

static void wish_comes_before_older_marks(void **state)
{
	struct store_work work;

	(void)state;
	mark("cus_2", NOW + 1);
	mark("cus_1", NOW);
	assert_int_equal(store_wish(store, &server.site, "ann:1", NOW + 9), RESULT_OK);
	assert_claims(WORK_WISH, "ann:1", &work);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	assert_claims(WORK_CUSTOMER, "cus_2", &work);
}

static void leased_work_is_nobody_elses(void **state)
{
	struct store_work work;

	(void)state;
	mark("cus_1", NOW);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	mark("cus_1", NOW + 1);
	assert_nothing_to_do();
}

static void mark_made_meanwhile_is_new_work(void **state)
{
	struct store_work work;

	(void)state;
	mark("cus_1", NOW);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	mark("cus_1", NOW + 1);
	assert_int_equal(store_work_done(store, &server.site, &work), RESULT_OK);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	assert_int_equal(store_work_done(store, &server.site, &work), RESULT_OK);
	assert_nothing_to_do();
}

static void work_of_the_dead_is_taken_over(void **state)
{
	struct store_work dead, heir;

	(void)state;
	mark("cus_1", NOW);
	assert_int_equal(store_work_claim(store, &server.site, 20, &dead), RESULT_OK);
	monotonic_sleep_ms(40);
	assert_claims(WORK_CUSTOMER, "cus_1", &heir);
	assert_int_equal(store_work_done(store, &server.site, &dead), RESULT_OK);
	mark("cus_1", NOW + 1);
	assert_nothing_to_do();
}

static void failed_work_rests_and_counts_its_tries(void **state)
{
	struct store_work work;

	(void)state;
	mark("cus_1", NOW);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	assert_int_equal(work.tries, 0);
	assert_int_equal(store_work_defer(store, &server.site, &work, 60), RESULT_OK);
	assert_nothing_to_do();
	monotonic_sleep_ms(80);
	assert_claims(WORK_CUSTOMER, "cus_1", &work);
	assert_int_equal(work.tries, 1);
}

static void what_is_in_hand_does_not_hide_what_is_behind(void **state)
{
	struct store_work work;
	char id[] = "cus_000";

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 250; i++) {
			id[4] = (char)('0' + i / 100);
			id[5] = (char)('0' + i / 10 % 10);
			id[6] = (char)('0' + i % 10);
			mark(id, NOW + pass);
			if (pass == 0)
				assert_claims(WORK_CUSTOMER, id, &work);
		}
	mark("cus_last", NOW + 2);
	assert_claims(WORK_CUSTOMER, "cus_last", &work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, store_empty)
		TEST(nothing_is_to_be_done_at_first),
		TEST(wish_comes_before_older_marks),
		TEST(leased_work_is_nobody_elses),
		TEST(mark_made_meanwhile_is_new_work),
		TEST(work_of_the_dead_is_taken_over),
		TEST(failed_work_rests_and_counts_its_tries),
		TEST(what_is_in_hand_does_not_hide_what_is_behind),
#undef TEST
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
