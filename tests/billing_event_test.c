#include "billing_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"

#define NOW 1800000000

/* Takes an event of a new id about the customer cus_1. */
static enum result take_more(const char *type, const char *more, enum event_outcome *outcome)
{
	static int count;
	struct stripe_event event;
	struct problem problem;
	char body[1024];
	enum result result;
	int length = snprintf(body, sizeof(body), "{\"object\":\"event\",\"id\":\"evt_%d\","
	    "\"type\":\"%s\",\"created\":%d,\"livemode\":false%s,\"data\":{\"object\":"
	    "{\"object\":\"invoice\",\"id\":\"in_1\",\"customer\":\"cus_1\"}}}",
	    ++count, type, NOW, more);

	assert_true(stripe_event_parse(body, (size_t)length, &event));
	result = billing_event_take(store, &server.site, &event, NOW, outcome, &problem);
	stripe_event_free(&event);
	return result;
}

static enum event_outcome take(const char *type)
{
	enum event_outcome outcome = EVENT_SEEN;

	assert_int_equal(take_more(type, "", &outcome), RESULT_OK);
	return outcome;
}

static long answer(const char *word, const char *key, const char *argument)
{
	char full[STORE_KEY_SIZE];
	struct redisReply *reply = NULL;
	long number;

	assert_true(store_key(full, &server.site, key, NULL));
	assert_int_equal(store_words(store, &server.site, &reply, word, full, argument, NULL), RESULT_OK);
	number = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : (long)reply->integer;
	store_reply_free(reply);
	return number;
}

static int empty(void **state)
{
	server.site.livemode = -1;
	server.site.stripe_account = NULL;
	return store_empty(state);
}

/* Each type of the table, with an object that is none of its own: nobody is left unanswered. */
static void every_type_of_the_table_is_taken(void **state)
{
	static const char *const types[] = {
		"customer.subscription.created", "customer.subscription.updated",
		"customer.subscription.deleted", "customer.subscription.paused",
		"customer.subscription.resumed", "customer.subscription.pending_update_applied",
		"customer.subscription.pending_update_expired", "customer.subscription.trial_will_end",
		"entitlements.active_entitlement_summary.updated", "checkout.session.completed",
		"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
		"checkout.session.expired", "customer.created", "customer.updated", "customer.deleted",
		"invoice.created", "invoice.finalized", "invoice.upcoming", "invoice.overdue",
		"invoice.will_be_due", "invoice.finalization_failed", "invoice.paid",
		"invoice.payment_succeeded", "invoice.payment_failed", "invoice.payment_action_required",
		"invoice.voided", "invoice.marked_uncollectible", "invoice.updated",
		"payment_intent.created", "payment_intent.processing", "payment_intent.succeeded",
		"payment_intent.payment_failed", "subscription_schedule.aborted",
		"subscription_schedule.canceled", "subscription_schedule.completed",
		"subscription_schedule.created", "subscription_schedule.expiring",
		"subscription_schedule.released", "subscription_schedule.updated",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_not_equal(take(types[i]), EVENT_IGNORED);
	assert_int_equal(answer("HGET", "counters", "ignored"), 0);
}

static void unknown_type_is_counted_and_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(take("charge.succeeded"), EVENT_IGNORED);
	assert_int_equal(take("invoice.pai"), EVENT_IGNORED);
	assert_int_equal(take("invoice.paid_"), EVENT_IGNORED);
	assert_int_equal(answer("HGET", "counters", "ignored"), 3);
	assert_int_equal(answer("EXISTS", "dirty", NULL), 0);
}

static void other_mode_changes_nothing(void **state)
{
	(void)state;
	server.site.livemode = 1;
	assert_int_equal(take("invoice.voided"), EVENT_OTHER_MODE);
	assert_int_equal(answer("HGET", "counters", "other_mode"), 1);
	assert_int_equal(answer("EXISTS", "dirty", NULL), 0);
	server.site.livemode = 0;
	assert_int_equal(take("invoice.voided"), EVENT_APPLIED);
	assert_int_equal(answer("ZCARD", "dirty", NULL), 1);
}

static void event_of_another_account_changes_nothing(void **state)
{
	enum event_outcome outcome;

	(void)state;
	take_more("invoice.voided", ",\"account\":\"acct_1\"", &outcome);
	assert_int_equal(outcome, EVENT_OTHER_ACCOUNT);
	server.site.stripe_account = (char []){ "acct_1" };
	assert_int_equal(take("invoice.voided"), EVENT_OTHER_ACCOUNT);
	take_more("invoice.voided", ",\"account\":\"acct_2\"", &outcome);
	assert_int_equal(outcome, EVENT_OTHER_ACCOUNT);
	assert_int_equal(answer("EXISTS", "dirty", NULL), 0);
	take_more("invoice.voided", ",\"account\":\"acct_1\"", &outcome);
	assert_int_equal(outcome, EVENT_APPLIED);
}

static void object_that_is_not_understood_is_asked_of_stripe(void **state)
{
	(void)state;
	assert_int_equal(take("customer.subscription.updated"), EVENT_APPLIED);
	assert_int_equal(answer("ZCARD", "dirty", NULL), 1);
}

static void paid_invoice_is_told_once_whatever_events_tell_it(void **state)
{
	(void)state;
	take("invoice.paid");
	take("invoice.payment_succeeded");
	assert_int_equal(answer("XLEN", "notices", NULL), 1);
}

static void outcomes_are_counted(void **state)
{
	(void)state;
	take("invoice.created");
	take("invoice.finalized");
	assert_int_equal(answer("HGET", "counters", "applied"), 2);
}

static void nothing_is_taken_while_redis_is_down(void **state)
{
	enum event_outcome outcome;

	(void)state;
	redis_server_kill(&server);
	assert_int_equal(take_more("invoice.paid", "", &outcome), RESULT_UNAVAILABLE);
	assert_true(redis_server_restart(&server, NULL, NULL));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, empty)
	const struct CMUnitTest tests[] = {
		TEST(every_type_of_the_table_is_taken),
		TEST(unknown_type_is_counted_and_changes_nothing),
		TEST(other_mode_changes_nothing),
		TEST(event_of_another_account_changes_nothing),
		TEST(object_that_is_not_understood_is_asked_of_stripe),
		TEST(paid_invoice_is_told_once_whatever_events_tell_it),
		TEST(outcomes_are_counted),
		TEST(nothing_is_taken_while_redis_is_down),
	};

	return cmocka_run_group_tests(tests, store_start, store_stop);
}
