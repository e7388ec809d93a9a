#include "billing_effect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000

static struct site site = { .name = (char []){ "shop" }, .livemode = -1 };
static struct stripe_event event;
static struct event_effect effect;

/* Makes the effect of an event whose data is `data`. */
static bool make(event_effect_make *effect_make, const char *data)
{
	char body[4096];
	int length = snprintf(body, sizeof(body), "{\"object\":\"event\",\"id\":\"evt_1\","
	    "\"type\":\"t\",\"created\":%d,\"data\":%s}", NOW, data);

	assert_in_range(length, 1, sizeof(body) - 1);
	assert_true(stripe_event_parse(body, (size_t)length, &event));
	event_effect_begin(&effect, &site, &event, NOW);
	return effect_make(&effect) == RESULT_OK;
}

static int end(void **state)
{
	(void)state;
	event_effect_free(&effect);
	stripe_event_free(&event);
	return 0;
}

static void subscription_event_carries_what_was_before(void **state)
{
	(void)state;
	assert_true(make(effect_subscription, "{\"object\":{\"object\":\"subscription\","
	    "\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"canceled\","
	    "\"cancellation_details\":{\"reason\":\"payment_failed\"}},"
	    "\"previous_attributes\":{\"status\":\"past_due\"}}"));
	assert_string_equal(effect.change.event_id, "evt_1");
	assert_string_equal(effect.change.customer, "cus_1");
	assert_int_equal(effect.change.as_of, NOW);
	assert_int_equal(effect.change.n_snapshots, 1);
	assert_int_equal(effect.change.snapshots->subscription->status, SUBSCRIPTION_CANCELED);
	assert_int_equal(effect.change.snapshots->before->status, SUBSCRIPTION_PAST_DUE);
	assert_string_equal(effect.change.snapshots->reason, "payment_failed");
	assert_null(effect.change.link_user);
}

static void subscription_event_without_a_subscription_is_not_understood(void **state)
{
	(void)state;
	assert_false(make(effect_subscription, "{\"object\":{\"object\":\"invoice\",\"id\":\"in_1\"}}"));
}

static void only_our_own_metadata_of_this_site_links(void **state)
{
	(void)state;
	assert_true(make(effect_customer_updated, "{\"object\":{\"object\":\"customer\",\"id\":\"cus_1\","
	    "\"metadata\":{\"tollgate_site\":\"shop\",\"tollgate_user\":\"ada\"}}}"));
	assert_string_equal(effect.change.link_user, "ada");
	end(state);
	assert_true(make(effect_customer_updated, "{\"object\":{\"object\":\"customer\",\"id\":\"cus_1\","
	    "\"metadata\":{\"tollgate_site\":\"other\",\"tollgate_user\":\"ada\"}}}"));
	assert_null(effect.change.link_user);
	end(state);
	assert_true(make(effect_customer_updated, "{\"object\":{\"object\":\"customer\",\"id\":\"cus_1\","
	    "\"metadata\":{\"tollgate_site\":\"shop\",\"tollgate_user\":\"a\\nb\"}}}"));
	assert_null(effect.change.link_user);
}

static void email_that_was_removed_is_told(void **state)
{
	(void)state;
	assert_true(make(effect_customer_updated,
	    "{\"object\":{\"object\":\"customer\",\"id\":\"cus_1\",\"email\":null}}"));
	assert_string_equal(effect.change.email, "");
}

static void entitlements_are_lookup_keys(void **state)
{
	(void)state;
	assert_true(make(effect_entitlements, "{\"object\":{\"customer\":\"cus_1\",\"entitlements\":"
	    "{\"data\":[{\"lookup_key\":\"exports\"},{\"lookup_key\":\"imports\"}],\"has_more\":false}}}"));
	assert_true(effect.change.has_features);
	assert_int_equal(effect.change.n_features, 2);
	assert_string_equal(effect.change.features[1], "imports");
}

static void entitlements_of_several_pages_are_listed_by_sync(void **state)
{
	(void)state;
	assert_true(make(effect_entitlements, "{\"object\":{\"customer\":\"cus_1\",\"entitlements\":"
	    "{\"data\":[{\"lookup_key\":\"exports\"}],\"has_more\":true}}}"));
	assert_false(effect.change.has_features);
	assert_int_equal(effect.change.dirty, DIRTY_ALWAYS);
}

static void completed_session_is_cached_and_links(void **state)
{
	(void)state;
	assert_true(make(effect_checkout_completed, "{\"object\":{\"id\":\"cs_1\","
	    "\"mode\":\"subscription\",\"customer\":\"cus_1\",\"subscription\":\"sub_1\","
	    "\"status\":\"complete\",\"payment_status\":\"paid\",\"expires_at\":1800003600,"
	    "\"customer_details\":{\"email\":\"a@shop.example\"},"
	    "\"metadata\":{\"tollgate_site\":\"shop\",\"tollgate_user\":\"ada\"}}}"));
	assert_string_equal(effect.change.link_user, "ada");
	assert_string_equal(effect.change.dirty_subscription, "sub_1");
	assert_string_equal(effect.change.session->user, "ada");
	assert_string_equal(effect.change.session->status, "complete");
	assert_string_equal(effect.change.session->customer_email, "a@shop.example");
	assert_int_equal(effect.change.session->expires_at, 1800003600);
	assert_true(effect.change.notices[0].only_unlinked);
	assert_string_equal(effect.change.notices[0].data,
	    "{\"session\":\"cs_1\",\"subscription\":\"sub_1\",\"payment_status\":\"paid\"}");
}

static void session_for_a_single_payment_changes_nothing(void **state)
{
	(void)state;
	assert_true(make(effect_checkout_completed,
	    "{\"object\":{\"id\":\"cs_1\",\"mode\":\"payment\",\"customer\":\"cus_1\"}}"));
	assert_null(effect.change.session);
	assert_int_equal(effect.change.n_notices, 0);
	assert_int_equal(effect.change.dirty, DIRTY_BY_RULES);
}

static void first_invoice_paid_is_a_fact(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_paid, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"billing_reason\":\"subscription_create\",\"amount_paid\":500,"
	    "\"parent\":{\"subscription_details\":{\"subscription\":\"sub_1\"}}}}"));
	assert_string_equal(effect.change.paid_invoice_subscription, "sub_1");
	assert_int_equal(effect.change.first_payment, FIRST_PAYMENT_PAID);
	assert_string_equal(effect.change.notices[0].type, "payment_succeeded");
	assert_string_equal(effect.change.notices[0].once, "in_1");
	assert_int_equal(effect.change.n_snapshots, 0);
}

static void invoice_of_older_versions_names_its_subscription_itself(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_paid, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"billing_reason\":\"subscription_cycle\",\"subscription\":\"sub_1\"}}"));
	assert_string_equal(effect.change.paid_invoice_subscription, "sub_1");
	assert_non_null(strstr(effect.change.notices[0].data, "\"subscription\":\"sub_1\""));
}

static void invoice_of_an_update_says_nothing_of_the_first_payment(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_paid, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"billing_reason\":\"subscription_update\",\"subscription\":\"sub_1\"}}"));
	assert_null(effect.change.paid_invoice_subscription);
}

static void failed_renewal_says_nothing_of_the_first_payment(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_failed, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"billing_reason\":\"subscription_cycle\",\"collection_method\":\"charge_automatically\","
	    "\"subscription\":\"sub_1\"}}"));
	assert_null(effect.change.paid_invoice_subscription);
}

static void declined_card_on_a_sent_invoice_is_no_failure(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_failed, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"billing_reason\":\"subscription_create\",\"collection_method\":\"send_invoice\","
	    "\"subscription\":\"sub_1\"}}"));
	assert_null(effect.change.paid_invoice_subscription);
}

static void updated_invoice_matters_when_given_up_or_unknown(void **state)
{
	(void)state;
	assert_true(make(effect_invoice_updated, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"status\":\"void\",\"subscription\":\"sub_1\"}}"));
	assert_int_equal(effect.change.dirty, DIRTY_ALWAYS);
	end(state);
	assert_true(make(effect_invoice_updated, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"status\":\"open\",\"subscription\":\"sub_1\"}}"));
	assert_int_equal(effect.change.dirty, DIRTY_UNLESS_STORED);
	end(state);
	assert_true(make(effect_invoice_updated,
	    "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\",\"status\":\"open\"}}"));
	assert_int_equal(effect.change.dirty, DIRTY_BY_RULES);
}

static enum result tell_finalization_failed(struct event_effect *told)
{
	return event_effect_tell(told, "invoice_finalization_failed");
}

static void notice_tells_why_an_invoice_was_not_finalized_and_no_card(void **state)
{
	(void)state;
	assert_true(make(tell_finalization_failed, "{\"object\":{\"id\":\"in_1\",\"customer\":\"cus_1\","
	    "\"automatic_tax\":{\"status\":\"failed\"},\"last_finalization_error\":"
	    "{\"code\":\"tax_id_invalid\",\"payment_method\":{\"card\":{\"last4\":\"4242\"}}}}}"));
	assert_string_equal(effect.change.notices[0].data, "{\"invoice\":\"in_1\","
	    "\"error_code\":\"tax_id_invalid\",\"automatic_tax_status\":\"failed\"}");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, end)
	const struct CMUnitTest tests[] = {
		TEST(subscription_event_carries_what_was_before),
		TEST(subscription_event_without_a_subscription_is_not_understood),
		TEST(only_our_own_metadata_of_this_site_links),
		TEST(email_that_was_removed_is_told),
		TEST(entitlements_are_lookup_keys),
		TEST(entitlements_of_several_pages_are_listed_by_sync),
		TEST(completed_session_is_cached_and_links),
		TEST(session_for_a_single_payment_changes_nothing),
		TEST(first_invoice_paid_is_a_fact),
		TEST(invoice_of_older_versions_names_its_subscription_itself),
		TEST(invoice_of_an_update_says_nothing_of_the_first_payment),
		TEST(failed_renewal_says_nothing_of_the_first_payment),
		TEST(declined_card_on_a_sent_invoice_is_no_failure),
		TEST(updated_invoice_matters_when_given_up_or_unknown),
		TEST(notice_tells_why_an_invoice_was_not_finalized_and_no_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
