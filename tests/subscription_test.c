#include "subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct subscription full(void)
{
	struct subscription subscription = {
		.id = "sub_1", .customer = "cus_1", .latest_invoice = "in_1",
		.status = SUBSCRIPTION_PAST_DUE, .pause_collection = COLLECTION_VOID,
		.send_invoice = true, .cancel_at_period_end = true, .simulated = true,
		.created = 1700000000, .trial_end = 1700000001, .cancel_at = 1700000002,
		.ended_at = 1700000003, .n_items = 2,
		.items = {
			{ .id = "si_1", .price = "price_1", .product = "prod_1",
			  .lookup_key = "schl\xc3\xbcssel \"a/b\"", .quantity = 3,
			  .current_period_end = 1700000004 },
			{ .id = "si_2", .price = "price_2", .product = "prod_2" },
		},
	};

	return subscription;
}

static const char full_json[] =
	"{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"past_due\","
	"\"latest_invoice\":\"in_1\",\"pause_collection\":\"void\",\"send_invoice\":true,"
	"\"cancel_at_period_end\":true,\"simulated\":true,\"created\":1700000000,"
	"\"trial_end\":1700000001,\"cancel_at\":1700000002,\"ended_at\":1700000003,"
	"\"items\":[{\"id\":\"si_1\",\"price\":\"price_1\",\"product\":\"prod_1\","
	"\"lookup_key\":\"schl\xc3\xbcssel \\\"a/b\\\"\",\"quantity\":3,"
	"\"current_period_end\":1700000004},"
	"{\"id\":\"si_2\",\"price\":\"price_2\",\"product\":\"prod_2\"}]}";

static void assert_encodes(const struct subscription *subscription, const char *expected)
{
	char *encoded = subscription_encode(subscription);

	assert_string_equal(encoded, expected);
	free(encoded);
}

static void every_member_is_encoded(void **state)
{
	struct subscription subscription = full();

	(void)state;
	assert_encodes(&subscription, full_json);
}

static void what_is_encoded_comes_back(void **state)
{
	struct subscription decoded;

	(void)state;
	assert_true(subscription_decode(full_json, &decoded));
	assert_string_equal(decoded.items[0].price, "price_1");
	assert_int_equal(decoded.status, SUBSCRIPTION_PAST_DUE);
	assert_encodes(&decoded, full_json);
}

static void largest_subscription_comes_back(void **state)
{
	struct subscription subscription = { .status = SUBSCRIPTION_ACTIVE,
		.n_items = SUBSCRIPTION_ITEMS_MAX };
	struct subscription decoded;
	char *encoded = NULL;
	char *again = NULL;

	(void)state;
	memset(subscription.id, 's', STRIPE_ID_MAX);
	memset(subscription.customer, 'c', STRIPE_ID_MAX);
	for (size_t i = 0; i < SUBSCRIPTION_ITEMS_MAX; i++) {
		memset(subscription.items[i].id, 'a' + (int)i, STRIPE_ID_MAX);
		memset(subscription.items[i].lookup_key, 'k', LOOKUP_KEY_SIZE - 1);
		subscription.items[i].quantity = INT64_C(1) << 53;
	}
	encoded = subscription_encode(&subscription);
	assert_true(subscription_decode(encoded, &decoded));
	again = subscription_encode(&decoded);
	assert_string_equal(again, encoded);
	assert_int_equal(strlen(decoded.items[19].id), STRIPE_ID_MAX);
	free(again);
	free(encoded);
}

static void unset_members_are_left_out(void **state)
{
	struct subscription subscription = { .id = "sub_1", .customer = "cus_1",
		.status = SUBSCRIPTION_ACTIVE };

	(void)state;
	assert_encodes(&subscription,
	    "{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"active\",\"items\":[]}");
}

static void order_of_items_makes_no_difference(void **state)
{
	struct subscription subscription = full(), turned = full();
	char *encoded = subscription_encode(&subscription);

	(void)state;
	turned.items[0] = subscription.items[1];
	turned.items[1] = subscription.items[0];
	assert_encodes(&turned, encoded);
	free(encoded);
}

static void unknown_member_is_passed_over(void **state)
{
	struct subscription decoded;

	(void)state;
	assert_true(subscription_decode("{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"active\","
	    "\"items\":[{\"id\":\"si_1\",\"colour\":1}],\"new\":{}}", &decoded));
	assert_int_equal(decoded.n_items, 1);
}

static void foreign_json_is_refused(void **state)
{
	static const char *const foreign[] = {
		"", "null", "[]", "{}", "x", "{\"id\":\"sub_1\"",
		"{\"customer\":\"c\",\"status\":\"active\",\"items\":[]}",
		"{\"id\":\"s\",\"status\":\"active\",\"items\":[]}",
		"{\"id\":\"s\",\"customer\":\"c\",\"items\":[]}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\"}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":{}}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[1]}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[{}]}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":1,\"items\":[]}",
		"{\"id\":1,\"customer\":\"c\",\"status\":\"active\",\"items\":[]}",
		"{\"id\":\"s\\u0000x\",\"customer\":\"c\",\"status\":\"active\",\"items\":[]}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[],\"cancel_at\":\"1\"}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[],\"cancel_at\":null}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[],\"simulated\":1}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[],\"pause_collection\":{}}",
		"{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\",\"items\":[]}x",
		"{\"id\":\"\xff\",\"customer\":\"c\",\"status\":\"active\",\"items\":[]}",
	};
	struct subscription decoded = { .id = "untouched" };

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(subscription_decode(foreign[i], &decoded));
	assert_string_equal(decoded.id, "untouched");
}

static bool decodes_with_id_of(int length)
{
	struct subscription decoded;
	char json[512] = { 0 };

	assert_in_range(snprintf(json, sizeof(json), "{\"id\":\"%0*d\",\"customer\":\"c\","
	    "\"status\":\"active\",\"items\":[]}", length, 1), 1, sizeof(json) - 1);
	return subscription_decode(json, &decoded);
}

static void too_long_text_is_refused(void **state)
{
	(void)state;
	assert_true(decodes_with_id_of(STRIPE_ID_MAX));
	assert_false(decodes_with_id_of(STRIPE_ID_MAX + 1));
}

static void too_many_items_are_refused(void **state)
{
	char json[512] = "{\"id\":\"s\",\"customer\":\"c\",\"status\":\"active\","
	    "\"items\":[{\"id\":\"0\"}";
	struct subscription decoded;

	(void)state;
	for (int i = 0; i < SUBSCRIPTION_ITEMS_MAX; i++)
		strcat(json, ",{\"id\":\"i\"}");
	strcat(json, "]}");
	assert_false(subscription_decode(json, &decoded));
}

static void unknown_words_are_never_taken_for_known_ones(void **state)
{
	(void)state;
	assert_int_equal(subscription_status_parse("trialing"), SUBSCRIPTION_TRIALING);
	assert_int_equal(subscription_status_parse("activ"), SUBSCRIPTION_UNKNOWN);
	assert_int_equal(subscription_status_parse(NULL), SUBSCRIPTION_UNKNOWN);
	assert_int_equal(pause_collection_parse(NULL), COLLECTION_RUNS);
	assert_int_equal(pause_collection_parse("void"), COLLECTION_VOID);
	assert_int_equal(pause_collection_parse("later"), COLLECTION_UNKNOWN);
	assert_int_equal(first_payment_parse("paid"), FIRST_PAYMENT_PAID);
	assert_int_equal(first_payment_parse("perhaps"), FIRST_PAYMENT_UNKNOWN);
}

static void every_status_has_word_rank_and_life(void **state)
{
	static const struct { const char *word; enum subscription_rank rank; bool live; } expected[] = {
		{ "incomplete", RANK_INCOMPLETE, false }, { "incomplete_expired", RANK_FINAL, false },
		{ "trialing", RANK_LIVING, true }, { "active", RANK_LIVING, true },
		{ "past_due", RANK_LIVING, true }, { "unpaid", RANK_LIVING, true },
		{ "paused", RANK_LIVING, true }, { "canceled", RANK_FINAL, false },
		{ "unknown", RANK_LIVING, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		enum subscription_status status = subscription_status_parse(expected[i].word);

		assert_string_equal(subscription_status_str(status), expected[i].word);
		assert_int_equal(subscription_rank(status), expected[i].rank);
		assert_int_equal(subscription_live(status), expected[i].live);
	}
}

static void debit_may_run_for_32_days_unless_there_was_a_trial(void **state)
{
	struct subscription subscription = { .created = 1000 };

	(void)state;
	assert_true(subscription_debit_may_run(&subscription, 1000));
	assert_true(subscription_debit_may_run(&subscription, 1000 + 32 * 86400 - 1));
	assert_false(subscription_debit_may_run(&subscription, 1000 + 32 * 86400));
	subscription.trial_end = 1500;
	assert_false(subscription_debit_may_run(&subscription, 1000));
}

static void period_ends_with_the_latest_item(void **state)
{
	struct subscription subscription = { .n_items = 0 };

	(void)state;
	assert_int_equal(subscription_period_end(&subscription), 0);
	subscription.n_items = 3;
	subscription.items[0].current_period_end = 5;
	subscription.items[1].current_period_end = 9;
	subscription.items[2].current_period_end = 7;
	assert_int_equal(subscription_period_end(&subscription), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_encoded),
		cmocka_unit_test(what_is_encoded_comes_back),
		cmocka_unit_test(largest_subscription_comes_back),
		cmocka_unit_test(unset_members_are_left_out),
		cmocka_unit_test(order_of_items_makes_no_difference),
		cmocka_unit_test(unknown_member_is_passed_over),
		cmocka_unit_test(foreign_json_is_refused),
		cmocka_unit_test(too_long_text_is_refused),
		cmocka_unit_test(too_many_items_are_refused),
		cmocka_unit_test(unknown_words_are_never_taken_for_known_ones),
		cmocka_unit_test(every_status_has_word_rank_and_life),
		cmocka_unit_test(debit_may_run_for_32_days_unless_there_was_a_trial),
		cmocka_unit_test(period_ends_with_the_latest_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
