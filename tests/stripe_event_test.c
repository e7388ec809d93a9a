#include "stripe_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"

#define EVENT(members) "{\"object\":\"event\",\"id\":\"evt_1\",\"type\":\"invoice.paid\"," \
    "\"created\":1800000000,\"livemode\":true" members "}"
#define DATA ",\"data\":{\"object\":{\"id\":\"in_1\"}}"

static bool parse(const char *body, struct stripe_event *event)
{
	return stripe_event_parse(body, strlen(body), event);
}

static void event_is_read(void **state)
{
	struct stripe_event event;

	(void)state;
	assert_true(parse(EVENT(",\"data\":{\"object\":{\"id\":\"in_1\"},"
	    "\"previous_attributes\":{\"status\":\"open\"}}"), &event));
	assert_string_equal(event.id, "evt_1");
	assert_string_equal(event.type, "invoice.paid");
	assert_int_equal(event.created, 1800000000);
	assert_true(event.livemode);
	assert_false(event.thin);
	assert_null(event.account);
	assert_string_equal(json_text(event.object, "/id"), "in_1");
	assert_string_equal(json_text(event.previous, "/status"), "open");
	stripe_event_free(&event);
}

static void account_of_connect_is_read(void **state)
{
	struct stripe_event event;

	(void)state;
	assert_true(parse(EVENT(DATA ",\"account\":\"acct_1\""), &event));
	assert_string_equal(event.account, "acct_1");
	assert_null(event.previous);
	stripe_event_free(&event);
}

static void line_end_behind_the_event_is_no_fault(void **state)
{
	struct stripe_event event;

	(void)state;
	assert_true(parse(EVENT(DATA) "\n", &event));
	stripe_event_free(&event);
}

static void thin_event_needs_no_object(void **state)
{
	struct stripe_event event;

	(void)state;
	assert_true(parse("{\"object\":\"v2.core.event\",\"id\":\"evt_test_1\","
	    "\"type\":\"v1.billing.meter.no_meter_found\",\"created\":\"2026-10-28T00:00:00Z\"}", &event));
	assert_true(event.thin);
	assert_null(event.object);
	stripe_event_free(&event);
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const bodies[] = {
		"", " ", "null", "[]", "{}", "evt_1", EVENT(DATA) "x", EVENT(DATA) EVENT(DATA),
		EVENT(), EVENT(",\"data\":{}"), EVENT(",\"data\":{\"object\":\"in_1\"}"),
		EVENT(",\"data\":{\"object\":{\"id\":\"\xff\"}}"),
		"{\"object\":\"event\",\"id\":\"evt_1\",\"created\":1" DATA "}",
		"{\"object\":\"event\",\"id\":\"in_1\",\"type\":\"a\",\"created\":1" DATA "}",
		"{\"object\":\"event\",\"id\":1,\"type\":\"a\",\"created\":1" DATA "}",
		"{\"object\":\"event\",\"id\":\"evt_1\",\"type\":\"a\",\"created\":\"1\"" DATA "}",
		"{\"object\":\"list\",\"id\":\"evt_1\",\"type\":\"a\",\"created\":1" DATA "}",
		"{\"id\":\"evt_1\",\"type\":\"a\",\"created\":1" DATA "}",
	};
	struct stripe_event event;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_false(parse(bodies[i], &event));
}

static void nesting_without_end_is_refused(void **state)
{
	char body[4096];
	struct stripe_event event;

	(void)state;
	memset(body, '[', sizeof(body));
	assert_false(stripe_event_parse(body, sizeof(body), &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_is_read),
		cmocka_unit_test(account_of_connect_is_read),
		cmocka_unit_test(line_end_behind_the_event_is_no_fault),
		cmocka_unit_test(thin_event_needs_no_object),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(nesting_without_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
