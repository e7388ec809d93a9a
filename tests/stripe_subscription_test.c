#include "stripe_subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "json_read.h"
#include "strbuf.h"

#define HEAD "{\"object\":\"subscription\",\"id\":\"sub_1\",\"customer\":\"cus_1\"," \
    "\"status\":\"active\",\"created\":1790000000"
#define PRICE "\"price\":{\"id\":\"price_1\",\"product\":\"prod_1\",\"lookup_key\":\"basic\"}"
#define ITEMS ",\"items\":{\"data\":[{\"id\":\"si_1\",\"quantity\":2," \
    "\"current_period_end\":1800000000," PRICE "}]}"

static bool decode(const char *json, struct subscription *subscription)
{
	struct json_object *object = json_parse_object(json, strlen(json));
	bool decoded;

	assert_non_null(object);
	decoded = stripe_subscription_decode(object, subscription);
	json_object_put(object);
	return decoded;
}

static void subscription_is_read(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode(HEAD ITEMS ",\"latest_invoice\":\"in_1\",\"cancel_at\":1799999999,"
	    "\"trial_end\":1791000000,\"cancel_at_period_end\":true,"
	    "\"collection_method\":\"send_invoice\",\"ended_at\":null,\"test_clock\":null}", &read));
	assert_string_equal(read.id, "sub_1");
	assert_string_equal(read.customer, "cus_1");
	assert_string_equal(read.latest_invoice, "in_1");
	assert_int_equal(read.status, SUBSCRIPTION_ACTIVE);
	assert_int_equal(read.cancel_at, 1799999999);
	assert_int_equal(read.trial_end, 1791000000);
	assert_int_equal(read.created, 1790000000);
	assert_true(read.cancel_at_period_end);
	assert_true(read.send_invoice);
	assert_false(read.simulated);
}

static void item_is_read(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode(HEAD ITEMS "}", &read));
	assert_int_equal(read.n_items, 1);
	assert_string_equal(read.items[0].id, "si_1");
	assert_string_equal(read.items[0].price, "price_1");
	assert_string_equal(read.items[0].product, "prod_1");
	assert_string_equal(read.items[0].lookup_key, "basic");
	assert_int_equal(read.items[0].quantity, 2);
	assert_int_equal(read.items[0].current_period_end, 1800000000);
}

static void period_of_older_versions_stands_on_the_subscription(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode(HEAD ",\"current_period_end\":1800000001,"
	    "\"items\":{\"data\":[{\"id\":\"si_1\"," PRICE "}]}}", &read));
	assert_int_equal(read.items[0].current_period_end, 1800000001);
}

static void expanded_objects_are_their_ids(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode("{\"object\":\"subscription\",\"id\":\"sub_1\",\"status\":\"active\","
	    "\"customer\":{\"id\":\"cus_2\",\"object\":\"customer\"},"
	    "\"latest_invoice\":{\"id\":\"in_2\"},\"test_clock\":{\"id\":\"clock_1\"},"
	    "\"items\":{\"data\":[{\"id\":\"si_1\","
	    "\"price\":{\"id\":\"price_2\",\"product\":{\"id\":\"prod_2\"}}}]}}", &read));
	assert_string_equal(read.customer, "cus_2");
	assert_string_equal(read.latest_invoice, "in_2");
	assert_string_equal(read.items[0].product, "prod_2");
	assert_true(read.simulated);
}

static void price_may_be_an_id(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode(HEAD ",\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_3\"}]}}", &read));
	assert_string_equal(read.items[0].price, "price_3");
	assert_string_equal(read.items[0].product, "");
}

static void pause_of_collection_is_told_by_its_behavior(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode(HEAD ",\"pause_collection\":null}", &read));
	assert_int_equal(read.pause_collection, COLLECTION_RUNS);
	assert_true(decode(HEAD ",\"pause_collection\":{\"behavior\":\"void\"}}", &read));
	assert_int_equal(read.pause_collection, COLLECTION_VOID);
	assert_true(decode(HEAD ",\"pause_collection\":{\"behavior\":\"later\"}}", &read));
	assert_int_equal(read.pause_collection, COLLECTION_UNKNOWN);
	assert_true(decode(HEAD ",\"pause_collection\":{}}", &read));
	assert_int_equal(read.pause_collection, COLLECTION_UNKNOWN);
}

static void status_of_tomorrow_is_unknown(void **state)
{
	struct subscription read;

	(void)state;
	assert_true(decode("{\"object\":\"subscription\",\"id\":\"sub_1\",\"customer\":\"cus_1\","
	    "\"status\":\"hibernating\"}", &read));
	assert_int_equal(read.status, SUBSCRIPTION_UNKNOWN);
}

static void of_more_than_twenty_items_twenty_are_read(void **state)
{
	struct strbuf json = STRBUF_INIT;
	struct subscription read;

	(void)state;
	strbuf_append(&json, HEAD ",\"items\":{\"data\":[");
	for (int i = 0; i < 21; i++)
		strbuf_appendf(&json, "%s{\"id\":\"si_%d\"," PRICE "}", i ? "," : "", i);
	strbuf_append(&json, "]}}");
	assert_true(decode(strbuf_text(&json), &read));
	assert_int_equal(read.n_items, 20);
	assert_string_equal(read.items[19].id, "si_19");
	strbuf_free(&json);
}

static void what_is_no_subscription_is_refused(void **state)
{
	static const char *const bodies[] = {
		"{}", "{\"object\":\"invoice\",\"id\":\"sub_1\",\"customer\":\"cus_1\"}",
		"{\"object\":\"subscription\",\"customer\":\"cus_1\"}",
		"{\"object\":\"subscription\",\"id\":\"sub_1\"}",
		HEAD ",\"items\":{\"data\":[{}]}}",
	};
	struct subscription read;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_false(decode(bodies[i], &read));
}

static void id_longer_than_stripes_is_refused(void **state)
{
	char json[600], id[257];
	struct subscription read;

	(void)state;
	memset(id, 'a', 256);
	id[256] = '\0';
	snprintf(json, sizeof(json),
	    "{\"object\":\"subscription\",\"id\":\"%s\",\"customer\":\"cus_1\"}", id);
	assert_false(decode(json, &read));
	id[255] = '\0';
	snprintf(json, sizeof(json),
	    "{\"object\":\"subscription\",\"id\":\"%s\",\"customer\":\"cus_1\"}", id);
	assert_true(decode(json, &read));
}

static char *before(const char *object_json, const char *previous_json)
{
	struct json_object *object = json_parse_object(object_json, strlen(object_json));
	struct json_object *previous = json_parse_object(previous_json, strlen(previous_json));
	struct json_object *merged = stripe_object_before(object, previous);
	char *text = strdup(json_object_to_json_string_ext(merged, JSON_C_TO_STRING_PLAIN));

	json_object_put(merged);
	json_object_put(previous);
	json_object_put(object);
	return text;
}

static void assert_before(const char *object, const char *previous, const char *expected)
{
	char *text = before(object, previous);

	assert_string_equal(text, expected);
	free(text);
}

static void previous_attributes_are_laid_over_the_object(void **state)
{
	(void)state;
	assert_before("{\"a\":1,\"b\":2}", "{\"a\":0}", "{\"a\":0,\"b\":2}");
	assert_before("{\"a\":1}", "{\"a\":null}", "{\"a\":null}");
	assert_before("{\"a\":null}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
	assert_before("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":0}}", "{\"a\":{\"b\":0,\"c\":2}}");
	assert_before("{\"a\":[1,2,3]}", "{\"a\":[1]}", "{\"a\":[1]}");
	assert_before("{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}");
}

static void object_itself_stays_as_it_is(void **state)
{
	static const char json[] = "{\"a\":{\"b\":1}}", previous_json[] = "{\"a\":{\"b\":0}}";
	struct json_object *object = json_parse_object(json, strlen(json));
	struct json_object *previous = json_parse_object(previous_json, strlen(previous_json));

	(void)state;
	json_object_put(stripe_object_before(object, previous));
	assert_int_equal(json_integer(object, "/a/b"), 1);
	json_object_put(previous);
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscription_is_read),
		cmocka_unit_test(item_is_read),
		cmocka_unit_test(period_of_older_versions_stands_on_the_subscription),
		cmocka_unit_test(expanded_objects_are_their_ids),
		cmocka_unit_test(price_may_be_an_id),
		cmocka_unit_test(pause_of_collection_is_told_by_its_behavior),
		cmocka_unit_test(status_of_tomorrow_is_unknown),
		cmocka_unit_test(of_more_than_twenty_items_twenty_are_read),
		cmocka_unit_test(what_is_no_subscription_is_refused),
		cmocka_unit_test(id_longer_than_stripes_is_refused),
		cmocka_unit_test(previous_attributes_are_laid_over_the_object),
		cmocka_unit_test(object_itself_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
