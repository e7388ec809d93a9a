#include "store_apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"
#include "store_fixture.h"
#include "store_customer.h"

#define NOW 1800000000
#define DAY 86400
#define CUSTOMER "cus_1"

static struct subscription a_subscription(enum subscription_status status)
{
	struct subscription subscription = {
		.id = "sub_1", .customer = CUSTOMER, .status = status, .created = NOW - 100,
		.n_items = 1,
		.items = { { .id = "si_1", .price = "price_1", .product = "prod_1",
		    .quantity = 1, .current_period_end = NOW + 30 * DAY } },
	};
	return subscription;
}

static enum store_applied run(struct store_change change)
{
	enum store_applied applied = APPLIED_MOVED;
	struct problem problem;

	change.now = change.now ? change.now : NOW;
	change.customer = CUSTOMER;
	assert_int_equal(store_apply(store, &server.site, &change, &applied, &problem), RESULT_OK);
	return applied;
}

/* An event of its own id. */
static enum store_applied event(int64_t created, struct store_change change)
{
	static int count;
	char id[32];

	snprintf(id, sizeof(id), "evt_%d", ++count);
	change.event_id = id;
	change.as_of = created;
	return run(change);
}

static enum store_applied follow(int64_t created, enum subscription_status status,
    enum subscription_status before)
{
	struct subscription now = a_subscription(status), then = a_subscription(before);
	struct store_snapshot snapshot = { .subscription = &now, .before = &then };

	return event(created, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
}

static enum store_applied show(int64_t created, enum subscription_status status)
{
	struct subscription subscription = a_subscription(status);
	struct store_snapshot snapshot = { .subscription = &subscription };

	return event(created, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
}

static enum store_applied show_simulated(int64_t created, enum subscription_status status,
    enum subscription_status before)
{
	struct subscription now = a_subscription(status), then = a_subscription(before);
	struct store_snapshot snapshot = { .subscription = &now, .before = &then };

	now.simulated = then.simulated = true;
	return event(created, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
}

static redisReply *command(const char *word, const char *key, const char *argument)
{
	char full[STORE_KEY_SIZE];
	struct redisReply *reply = NULL;

	assert_true(store_key(full, &server.site, key, NULL));
	assert_int_equal(store_words(store, &server.site, &reply, word, full, argument,
	    argument && strcmp(argument, "-") == 0 ? "+" : NULL, NULL), RESULT_OK);
	return reply;
}

/* A field of the customer, "" = absent. */
static const char *field(const char *name)
{
	static char value[2048];
	redisReply *reply = command("HGET", "customer:" CUSTOMER, name);

	snprintf(value, sizeof(value), "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
	store_reply_free(reply);
	return value;
}

static long number(const char *name)
{
	return strtol(field(name), NULL, 10);
}

static bool is_dirty(void)
{
	redisReply *reply = command("ZSCORE", "dirty", CUSTOMER);
	bool dirty = reply->type == REDIS_REPLY_STRING;

	store_reply_free(reply);
	return dirty;
}

/* How many notices of a type there are, and the data of the last one. */
static int notices(const char *type, char data[512])
{
	redisReply *reply = command("XRANGE", "notices", "-");
	int count = 0;

	for (size_t i = 0; i < reply->elements; i++) {
		redisReply *fields = reply->element[i]->element[1];

		if (strcmp(fields->element[3]->str, type) != 0)
			continue;
		count++;
		if (data)
			snprintf(data, 512, "%s", fields->element[5]->str);
	}
	store_reply_free(reply);
	return count;
}

static struct store_change reading_of(const struct store_snapshot *snapshot, int64_t as_of)
{
	return (struct store_change){
		.reading = true, .as_of = as_of, .started_at = NOW, .generation = number("generation"),
		.snapshots = snapshot, .n_snapshots = snapshot ? 1 : 0,
	};
}

static enum store_applied read_status(int64_t as_of, enum subscription_status status)
{
	struct subscription subscription = a_subscription(status);
	struct store_snapshot snapshot = { .subscription = &subscription };

	return run(reading_of(&snapshot, as_of));
}

static void first_event_begins_the_record(void **state)
{
	(void)state;
	assert_int_equal(show(NOW, SUBSCRIPTION_ACTIVE), APPLIED);
	assert_string_equal(field("status:sub_1"), "active");
	assert_int_equal(number("as_of:sub_1"), NOW);
	assert_int_equal(number("rank:sub_1"), RANK_LIVING);
	assert_int_equal(number("generation"), 1);
	assert_false(is_dirty());
}

static void stored_snapshot_is_what_was_encoded(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_ACTIVE);
	char *json = subscription_encode(&subscription);

	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_string_equal(field("subscription:sub_1"), json);
	free(json);
}

static void same_event_twice_changes_nothing(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &subscription };
	struct store_change change = { .event_id = "evt_twice", .as_of = NOW, .snapshots = &snapshot,
		.n_snapshots = 1 };

	(void)state;
	assert_int_equal(run(change), APPLIED);
	assert_int_equal(run(change), APPLIED_SEEN);
	assert_int_equal(number("generation"), 1);
	assert_int_equal(notices("subscription_status_changed", NULL), 1);
}

static void newer_event_replaces(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW, SUBSCRIPTION_UNPAID), APPLIED);
	assert_string_equal(field("status:sub_1"), "unpaid");
	assert_false(is_dirty());
}

static void older_event_is_dropped(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW - 60, SUBSCRIPTION_INCOMPLETE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "active");
	assert_false(is_dirty());
}

static void older_event_near_by_that_differs_marks_dirty(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW - 59, SUBSCRIPTION_INCOMPLETE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
}

static void older_event_near_by_that_is_equal_marks_nothing(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW - 5, SUBSCRIPTION_ACTIVE), APPLIED_STALE);
	assert_false(is_dirty());
}

static void same_second_with_matching_previous_attributes_follows(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(follow(NOW, SUBSCRIPTION_TRIALING, SUBSCRIPTION_ACTIVE), APPLIED);
	assert_string_equal(field("status:sub_1"), "trialing");
	assert_true(is_dirty());
}

static void same_second_with_matching_previous_attributes_and_a_higher_rank_is_certain(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_INCOMPLETE);
	assert_int_equal(follow(NOW, SUBSCRIPTION_ACTIVE, SUBSCRIPTION_INCOMPLETE), APPLIED);
	assert_string_equal(field("status:sub_1"), "active");
	assert_false(is_dirty());
}

static void same_second_without_a_match_goes_by_rank_and_marks_dirty(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_INCOMPLETE);
	assert_int_equal(follow(NOW, SUBSCRIPTION_ACTIVE, SUBSCRIPTION_PAUSED), APPLIED);
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
}

static void same_second_of_lower_or_equal_rank_keeps_the_stored(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW, SUBSCRIPTION_INCOMPLETE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
	assert_int_equal(show(NOW, SUBSCRIPTION_PAST_DUE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "active");
}

static void same_second_and_equal_changes_nothing(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW, SUBSCRIPTION_ACTIVE), APPLIED_STALE);
	assert_int_equal(number("generation"), 1);
	assert_false(is_dirty());
}

static void deleted_before_created_active(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_int_equal(show(NOW - 3, SUBSCRIPTION_ACTIVE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "canceled");
}

static void deleted_and_updated_of_one_second_end_canceled(void **state)
{
	(void)state;
	show(NOW - 100, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW, SUBSCRIPTION_CANCELED), APPLIED);
	assert_int_equal(follow(NOW, SUBSCRIPTION_UNPAID, SUBSCRIPTION_ACTIVE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "canceled");
	assert_true(is_dirty());
}

static void newer_life_after_a_final_record_marks_dirty(void **state)
{
	(void)state;
	show(NOW - 100, SUBSCRIPTION_CANCELED);
	assert_int_equal(show(NOW, SUBSCRIPTION_ACTIVE), APPLIED);
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
}

static void old_event_without_a_record_only_marks_dirty(void **state)
{
	(void)state;
	assert_int_equal(show(NOW - 601, SUBSCRIPTION_ACTIVE), APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "");
	assert_string_equal(field("generation"), "");
	assert_true(is_dirty());
}

static void event_of_ten_minutes_without_a_record_is_applied(void **state)
{
	(void)state;
	assert_int_equal(show(NOW - 600, SUBSCRIPTION_ACTIVE), APPLIED);
	assert_string_equal(field("status:sub_1"), "active");
}

static void old_subscription_of_an_unknown_customer_marks_dirty(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &subscription };

	(void)state;
	subscription.created = NOW - 90 * DAY;
	event(NOW, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
}

static void simulated_times_are_not_compared(void **state)
{
	(void)state;
	show_simulated(NOW + 90 * DAY, SUBSCRIPTION_ACTIVE, SUBSCRIPTION_INCOMPLETE);
	assert_true(is_dirty());
	assert_int_equal(show_simulated(NOW, SUBSCRIPTION_PAST_DUE, SUBSCRIPTION_ACTIVE), APPLIED);
	assert_string_equal(field("status:sub_1"), "past_due");
	assert_int_equal(show_simulated(NOW + 99 * DAY, SUBSCRIPTION_PAUSED, SUBSCRIPTION_TRIALING),
	    APPLIED_STALE);
	assert_string_equal(field("status:sub_1"), "past_due");
}

static void simulated_record_begins_at_any_time_and_is_read(void **state)
{
	(void)state;
	show_simulated(NOW - 90 * DAY, SUBSCRIPTION_ACTIVE, SUBSCRIPTION_INCOMPLETE);
	assert_string_equal(field("status:sub_1"), "active");
	assert_true(is_dirty());
}

static void past_due_since_never_moves_later(void **state)
{
	(void)state;
	show(NOW - 100, SUBSCRIPTION_PAST_DUE);
	assert_int_equal(number("past_due_since:sub_1"), NOW - 100);
	show(NOW, SUBSCRIPTION_PAST_DUE);
	assert_int_equal(number("past_due_since:sub_1"), NOW - 100);
}

static void read_past_due_since_replaces_what_events_said(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_PAST_DUE);
	struct store_snapshot snapshot = { .subscription = &subscription, .past_due_since = NOW - DAY };

	(void)state;
	show(NOW - 100, SUBSCRIPTION_PAST_DUE);
	run(reading_of(&snapshot, NOW));
	assert_int_equal(number("past_due_since:sub_1"), NOW - DAY);
	snapshot.past_due_since = NOW - 50;
	run(reading_of(&snapshot, NOW));
	assert_int_equal(number("past_due_since:sub_1"), NOW - 50);
}

static void paid_again_ends_past_due_since(void **state)
{
	(void)state;
	show(NOW - 100, SUBSCRIPTION_PAST_DUE);
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_string_equal(field("past_due_since:sub_1"), "");
}

static enum store_applied first_payment(enum first_payment state)
{
	return event(NOW, (struct store_change){
		.paid_invoice_subscription = "sub_1", .first_payment = state,
	});
}

static void first_payment_once_paid_stays_paid(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_int_equal(first_payment(FIRST_PAYMENT_PAID), APPLIED);
	first_payment(FIRST_PAYMENT_FAILED);
	assert_string_equal(field("first_payment:sub_1"), "paid");
}

static void first_payment_failed_overrides_processing(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &subscription,
		.first_payment = FIRST_PAYMENT_PROCESSING };

	(void)state;
	run(reading_of(&snapshot, NOW));
	assert_string_equal(field("first_payment:sub_1"), "processing");
	first_payment(FIRST_PAYMENT_FAILED);
	assert_string_equal(field("first_payment:sub_1"), "failed");
}

static void end_before_any_news_of_the_first_payment_leaves_it_under_way(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	assert_false(is_dirty());
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_string_equal(field("first_payment:sub_1"), "processing");
	assert_true(is_dirty());
	first_payment(FIRST_PAYMENT_PAID);
	assert_string_equal(field("first_payment:sub_1"), "paid");
}

static void end_of_what_was_never_active_leaves_nothing_under_way(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_INCOMPLETE);
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_string_equal(field("first_payment:sub_1"), "");
	assert_true(is_dirty());
}

static void end_after_the_first_payment_is_no_reason_to_ask(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	first_payment(FIRST_PAYMENT_PAID);
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_string_equal(field("first_payment:sub_1"), "paid");
	assert_false(is_dirty());
}

/* As a reading shows it, the first payment is what that found. */
static void end_that_was_read_leaves_nothing_under_way(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_CANCELED);
	struct store_snapshot snapshot = { .subscription = &subscription };

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	run(reading_of(&snapshot, NOW));
	assert_string_equal(field("first_payment:sub_1"), "");
}

/* When its record expires, 0 = of what does not go on. */
static long renewal(void)
{
	redisReply *reply = command("ZSCORE", "renewals", CUSTOMER);
	long when = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;

	store_reply_free(reply);
	return when;
}

static void record_of_what_goes_on_is_listed_by_its_end(void **state)
{
	(void)state;
	show(NOW - 20, SUBSCRIPTION_INCOMPLETE);
	assert_int_equal(renewal(), 0);
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	assert_int_equal(renewal(), NOW + 70 * DAY);
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_int_equal(renewal(), 0);
}

static void record_of_one_that_goes_on_beside_one_that_ended_is_listed(void **state)
{
	struct subscription other = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &other };

	(void)state;
	strcpy(other.id, "sub_2");
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW - 5, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	show(NOW, SUBSCRIPTION_CANCELED);
	assert_int_equal(renewal(), NOW + 70 * DAY);
	event(NOW, (struct store_change){ .customer_deleted = true });
	assert_int_equal(renewal(), 0);
}

/* One that ended so long ago; of many. */
static void show_ended(int number, int64_t ended_at, int64_t trial_end)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_CANCELED);
	struct store_snapshot snapshot = { .subscription = &subscription, .first_payment = FIRST_PAYMENT_PAID };

	snprintf(subscription.id, sizeof(subscription.id), "sub_ended_%d", number);
	subscription.created = ended_at - 60;
	subscription.ended_at = ended_at;
	subscription.trial_end = trial_end;
	event(NOW - 5, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
}

static void what_ended_long_ago_is_forgotten_beyond_thirty(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	show_ended(0, NOW - 9000, NOW - 9000);
	for (int i = 1; i <= 31; i++)
		show_ended(i, NOW - 9000 + i, 0);
	assert_string_equal(field("rank:sub_1"), "1");
	assert_string_equal(field("rank:sub_ended_0"), "2");
	assert_string_equal(field("rank:sub_ended_1"), "");
	assert_string_equal(field("subscription:sub_ended_1"), "");
	assert_string_equal(field("first_payment:sub_ended_1"), "");
	assert_string_equal(field("rank:sub_ended_3"), "2");
	assert_string_equal(field("rank:sub_ended_31"), "2");
}

/* An event of a minute before its end may come yet. */
static void what_has_just_ended_is_not_forgotten(void **state)
{
	(void)state;
	for (int i = 1; i <= 40; i++)
		show_ended(i, NOW - 60 + i, 0);
	assert_string_equal(field("rank:sub_ended_1"), "2");
	assert_string_equal(field("rank:sub_ended_40"), "2");
}

static void declined_card_of_an_incomplete_subscription_bars_no_later_payer(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_INCOMPLETE);
	first_payment(FIRST_PAYMENT_FAILED);
	assert_string_equal(field("first_payment:sub_1"), "");
	assert_true(is_dirty());
}

static void payment_of_an_unknown_customer_begins_no_record(void **state)
{
	(void)state;
	first_payment(FIRST_PAYMENT_PAID);
	assert_string_equal(field("first_payment:sub_1"), "");
	assert_string_equal(field("generation"), "");
	assert_true(is_dirty());
}

static void features_of_a_customer_of_whom_only_the_link_is_known_begin_no_record(void **state)
{
	const char *features[] = { "exports" };

	(void)state;
	store_customer_link(store, &server.site, CUSTOMER, "ada", NOW);
	event(NOW, (struct store_change){ .features = features, .n_features = 1, .has_features = true });
	assert_string_equal(field("features"), "");
	assert_string_equal(field("generation"), "");
	assert_true(is_dirty());
}

static void email_of_an_unknown_customer_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(event(NOW, (struct store_change){ .email = "a@shop.example" }), APPLIED_STALE);
	assert_string_equal(field("email"), "");
	assert_false(is_dirty());
}

static void old_creation_of_a_customer_only_marks_dirty(void **state)
{
	(void)state;
	event(NOW - 601, (struct store_change){ .customer_created = true, .email = "a@shop.example" });
	assert_string_equal(field("generation"), "");
	assert_true(is_dirty());
}

static void created_customer_begins_a_record(void **state)
{
	(void)state;
	event(NOW, (struct store_change){ .customer_created = true, .email = "a@shop.example" });
	assert_int_equal(number("generation"), 1);
	assert_string_equal(field("email"), "a@shop.example");
	assert_false(is_dirty());
}

static void older_email_is_dropped(void **state)
{
	(void)state;
	event(NOW - 5, (struct store_change){ .customer_created = true, .email = "old@shop.example" });
	event(NOW, (struct store_change){ .email = "new@shop.example" });
	assert_int_equal(event(NOW - 1, (struct store_change){ .email = "mid@shop.example" }),
	    APPLIED_STALE);
	assert_string_equal(field("email"), "new@shop.example");
}

static void deleted_customer_is_never_undeleted(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW - 5, (struct store_change){ .customer_deleted = true });
	event(NOW, (struct store_change){ .email = "late@shop.example" });
	assert_string_equal(field("deleted"), "1");
	show(NOW, SUBSCRIPTION_ACTIVE);
	assert_string_equal(field("deleted"), "1");
}

static void features_of_one_second_that_differ_are_listed_again(void **state)
{
	const char *one[] = { "exports" }, *two[] = { "imports", "exports" };

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW, (struct store_change){ .features = two, .n_features = 2, .has_features = true });
	assert_string_equal(field("features"), "[\"exports\",\"imports\"]");
	assert_false(is_dirty());
	event(NOW, (struct store_change){ .features = one, .n_features = 1, .has_features = true });
	assert_string_equal(field("features"), "[\"exports\",\"imports\"]");
	assert_true(is_dirty());
}

static void features_may_all_go(void **state)
{
	const char *one[] = { "exports" };

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW - 5, (struct store_change){ .features = one, .n_features = 1, .has_features = true });
	event(NOW, (struct store_change){ .has_features = true });
	assert_string_equal(field("features"), "[]");
}

static void status_change_is_told_once_with_from_and_to(void **state)
{
	char data[512];

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	show(NOW, SUBSCRIPTION_PAST_DUE);
	show(NOW + 1, SUBSCRIPTION_PAST_DUE);
	assert_int_equal(notices("subscription_status_changed", data), 2);
	assert_non_null(strstr(data, "\"from\":\"active\""));
	assert_non_null(strstr(data, "\"to\":\"past_due\""));
}

static void status_change_found_by_reading_is_told(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	read_status(NOW, SUBSCRIPTION_CANCELED);
	assert_int_equal(notices("subscription_status_changed", NULL), 2);
}

static void rebuilt_record_is_no_news(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &subscription };

	(void)state;
	subscription.created = NOW - 90 * DAY;
	run(reading_of(&snapshot, NOW));
	assert_int_equal(notices("subscription_status_changed", NULL), 0);
}

static void event_of_more_than_three_days_makes_no_notice(void **state)
{
	(void)state;
	show(NOW - 10 * DAY + 10, SUBSCRIPTION_ACTIVE);
	read_status(NOW - 9 * DAY, SUBSCRIPTION_ACTIVE);
	assert_int_equal(show(NOW - 3 * DAY - 1, SUBSCRIPTION_UNPAID), APPLIED);
	assert_string_equal(field("status:sub_1"), "unpaid");
	assert_int_equal(notices("subscription_status_changed", NULL), 0);
}

static void notice_names_customer_and_user(void **state)
{
	struct store_notice notice = { .type = "payment_failed", .data = "{\"invoice\":\"in_1\"}" };
	redisReply *reply, *fields;

	(void)state;
	event(NOW, (struct store_change){ .link_user = "ada", .notices = &notice, .n_notices = 1 });
	reply = command("XRANGE", "notices", "-");
	fields = reply->element[0]->element[1];
	assert_string_equal(fields->element[5]->str, "{\"invoice\":\"in_1\"}");
	assert_string_equal(fields->element[9]->str, CUSTOMER);
	assert_string_equal(fields->element[11]->str, "ada");
	store_reply_free(reply);
}

static void notice_of_the_unlinked_is_not_made_for_the_linked(void **state)
{
	struct store_notice notice = { .type = "unlinked_subscription", .data = "{}",
		.only_unlinked = true };

	(void)state;
	event(NOW, (struct store_change){ .notices = &notice, .n_notices = 1 });
	assert_int_equal(notices("unlinked_subscription", NULL), 1);
	event(NOW, (struct store_change){ .link_user = "ada", .notices = &notice, .n_notices = 1 });
	event(NOW, (struct store_change){ .notices = &notice, .n_notices = 1 });
	assert_int_equal(notices("unlinked_subscription", NULL), 1);
}

static void second_living_subscription_is_told(void **state)
{
	struct subscription second = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &second };
	char data[512];

	(void)state;
	strcpy(second.id, "sub_2");
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	event(NOW + 1, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	assert_int_equal(notices("duplicate_subscription", data), 1);
	assert_non_null(strstr(data, "\"subscription\":\"sub_2\""));
	assert_non_null(strstr(data, "\"other\":\"sub_1\""));
}

static void second_subscription_after_the_first_ended_is_no_duplicate(void **state)
{
	struct subscription second = a_subscription(SUBSCRIPTION_ACTIVE);
	struct store_snapshot snapshot = { .subscription = &second };

	(void)state;
	strcpy(second.id, "sub_2");
	show(NOW - 10, SUBSCRIPTION_CANCELED);
	event(NOW, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	assert_int_equal(notices("duplicate_subscription", NULL), 0);
}

static void link_is_never_overwritten(void **state)
{
	char user[129], hash[65];
	struct store_user found;

	(void)state;
	event(NOW, (struct store_change){ .link_user = "ada" });
	event(NOW, (struct store_change){ .link_user = "eve" });
	assert_int_equal(store_customer_user(store, &server.site, CUSTOMER, user), RESULT_OK);
	assert_string_equal(user, "ada");
	assert_true(identity_user_hash("eve", hash));
	assert_int_equal(store_user_read(store, &server.site, hash, &found), RESULT_OK);
	assert_int_equal(found.n_customers, 0);
	store_user_free(&found);
}

static void deleted_customer_is_not_linked(void **state)
{
	(void)state;
	event(NOW - 5, (struct store_change){ .customer_deleted = true });
	event(NOW, (struct store_change){ .link_user = "ada" });
	assert_string_equal(field("user"), "");
}

static long seconds_left(const char *key)
{
	redisReply *reply = command("TTL", key, NULL);
	long seconds = (long)reply->integer;

	store_reply_free(reply);
	return seconds;
}

static void link_clears_no_customer_and_stays(void **state)
{
	char hash[65], key[80];
	struct store_user found;
	redisReply *reply;

	(void)state;
	assert_true(identity_user_hash("ada", hash));
	snprintf(key, sizeof(key), "user:%s", hash);
	store_user_none_write(store, &server.site, hash, NOW + 600);
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW, (struct store_change){ .link_user = "ada" });
	reply = command("HEXISTS", key, "none_until");
	assert_int_equal(reply->integer, 0);
	store_reply_free(reply);
	assert_int_equal(seconds_left(key), -1);
	assert_int_equal(store_user_read(store, &server.site, hash, &found), RESULT_OK);
	assert_int_equal(found.n_customers, 1);
	assert_int_equal(found.n_records, 1);
	assert_int_equal(found.records[0].snapshot.status, SUBSCRIPTION_ACTIVE);
	store_user_free(&found);
}

static void reading_whose_generation_moved_writes_nothing(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_CANCELED);
	struct store_snapshot snapshot = { .subscription = &subscription };
	struct store_change reading;

	(void)state;
	show(NOW - 10, SUBSCRIPTION_INCOMPLETE);
	reading = reading_of(&snapshot, NOW);
	show(NOW - 5, SUBSCRIPTION_ACTIVE);
	assert_int_equal(run(reading), APPLIED_MOVED);
	assert_string_equal(field("status:sub_1"), "active");
}

static void reading_during_which_a_mark_was_made_is_read_again(void **state)
{
	struct store_change reading;

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	reading = reading_of(NULL, NOW);
	event(NOW, (struct store_change){ .dirty = DIRTY_ALWAYS });
	assert_int_equal(run(reading), APPLIED_MOVED);
	assert_true(is_dirty());
}

static void reading_replaces_and_clears_the_mark(void **state)
{
	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	event(NOW, (struct store_change){ .dirty = DIRTY_ALWAYS });
	assert_true(is_dirty());
	assert_int_equal(read_status(NOW - 12, SUBSCRIPTION_UNPAID), APPLIED);
	assert_string_equal(field("status:sub_1"), "unpaid");
	assert_int_equal(number("as_of:sub_1"), NOW - 10);
	assert_false(is_dirty());
}

static void mark_made_since_the_reading_began_stays(void **state)
{
	struct store_change reading;

	(void)state;
	reading = reading_of(NULL, NOW);
	assert_int_equal(store_dirty(store, &server.site, CUSTOMER, NOW + 1), RESULT_OK);
	assert_int_equal(run(reading), APPLIED);
	assert_true(is_dirty());
}

static void first_mark_keeps_its_time(void **state)
{
	redisReply *reply;

	(void)state;
	event(NOW, (struct store_change){ .dirty = DIRTY_ALWAYS });
	event(NOW, (struct store_change){ .dirty = DIRTY_ALWAYS, .now = NOW + 50 });
	reply = command("ZSCORE", "dirty", CUSTOMER);
	assert_int_equal(strtol(reply->str, NULL, 10), NOW);
	store_reply_free(reply);
}

static void known_subscription_needs_no_mark(void **state)
{
	struct store_change completed = { .dirty = DIRTY_UNLESS_STORED, .dirty_subscription = "sub_1" };

	(void)state;
	show(NOW, SUBSCRIPTION_ACTIVE);
	event(NOW, completed);
	assert_false(is_dirty());
	completed.dirty_subscription = "sub_2";
	event(NOW, completed);
	assert_true(is_dirty());
}

static void payment_matters_only_while_the_first_one_is_open(void **state)
{
	struct store_change intent = { .dirty = DIRTY_IF_FIRST_PAYMENT_OPEN };

	(void)state;
	event(NOW, intent);
	show(NOW - 1, SUBSCRIPTION_ACTIVE);
	event(NOW, intent);
	assert_false(is_dirty());
	first_payment(FIRST_PAYMENT_FAILED);
	event(NOW, intent);
	assert_true(is_dirty());
}

static void payment_matters_while_incomplete(void **state)
{
	(void)state;
	show(NOW, SUBSCRIPTION_INCOMPLETE);
	event(NOW, (struct store_change){ .dirty = DIRTY_IF_FIRST_PAYMENT_OPEN });
	assert_true(is_dirty());
}

static void record_outlives_its_period_and_is_never_shortened(void **state)
{
	struct subscription subscription = a_subscription(SUBSCRIPTION_CANCELED);
	struct store_snapshot snapshot = { .subscription = &subscription };

	(void)state;
	show(NOW - 10, SUBSCRIPTION_ACTIVE);
	assert_in_range(seconds_left("customer:" CUSTOMER), 70 * DAY - 5, 70 * DAY);
	subscription.n_items = 0;
	event(NOW, (struct store_change){ .snapshots = &snapshot, .n_snapshots = 1 });
	assert_in_range(seconds_left("customer:" CUSTOMER), 70 * DAY - 5, 70 * DAY);
}

static void tombstone_and_event_id_stay_for_32_days(void **state)
{
	(void)state;
	run((struct store_change){ .event_id = "evt_kept", .as_of = NOW, .customer_deleted = true });
	assert_in_range(seconds_left("customer:" CUSTOMER), 32 * DAY - 5, 32 * DAY);
	assert_in_range(seconds_left("event:evt_kept"), 32 * DAY - 5, 32 * DAY);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, store_empty)
	const struct CMUnitTest tests[] = {
		TEST(first_event_begins_the_record),
		TEST(stored_snapshot_is_what_was_encoded),
		TEST(same_event_twice_changes_nothing),
		TEST(newer_event_replaces),
		TEST(older_event_is_dropped),
		TEST(older_event_near_by_that_differs_marks_dirty),
		TEST(older_event_near_by_that_is_equal_marks_nothing),
		TEST(same_second_with_matching_previous_attributes_follows),
		TEST(same_second_with_matching_previous_attributes_and_a_higher_rank_is_certain),
		TEST(same_second_without_a_match_goes_by_rank_and_marks_dirty),
		TEST(same_second_of_lower_or_equal_rank_keeps_the_stored),
		TEST(same_second_and_equal_changes_nothing),
		TEST(deleted_before_created_active),
		TEST(deleted_and_updated_of_one_second_end_canceled),
		TEST(newer_life_after_a_final_record_marks_dirty),
		TEST(old_event_without_a_record_only_marks_dirty),
		TEST(event_of_ten_minutes_without_a_record_is_applied),
		TEST(old_subscription_of_an_unknown_customer_marks_dirty),
		TEST(simulated_times_are_not_compared),
		TEST(simulated_record_begins_at_any_time_and_is_read),
		TEST(past_due_since_never_moves_later),
		TEST(read_past_due_since_replaces_what_events_said),
		TEST(paid_again_ends_past_due_since),
		TEST(first_payment_once_paid_stays_paid),
		TEST(first_payment_failed_overrides_processing),
		TEST(what_ended_long_ago_is_forgotten_beyond_thirty),
		TEST(what_has_just_ended_is_not_forgotten),
		TEST(record_of_what_goes_on_is_listed_by_its_end),
		TEST(record_of_one_that_goes_on_beside_one_that_ended_is_listed),
		TEST(end_before_any_news_of_the_first_payment_leaves_it_under_way),
		TEST(end_of_what_was_never_active_leaves_nothing_under_way),
		TEST(end_after_the_first_payment_is_no_reason_to_ask),
		TEST(end_that_was_read_leaves_nothing_under_way),
		TEST(declined_card_of_an_incomplete_subscription_bars_no_later_payer),
		TEST(payment_of_an_unknown_customer_begins_no_record),
		TEST(features_of_a_customer_of_whom_only_the_link_is_known_begin_no_record),
		TEST(email_of_an_unknown_customer_is_nobodys),
		TEST(old_creation_of_a_customer_only_marks_dirty),
		TEST(created_customer_begins_a_record),
		TEST(older_email_is_dropped),
		TEST(deleted_customer_is_never_undeleted),
		TEST(features_of_one_second_that_differ_are_listed_again),
		TEST(features_may_all_go),
		TEST(status_change_is_told_once_with_from_and_to),
		TEST(status_change_found_by_reading_is_told),
		TEST(rebuilt_record_is_no_news),
		TEST(event_of_more_than_three_days_makes_no_notice),
		TEST(notice_names_customer_and_user),
		TEST(notice_of_the_unlinked_is_not_made_for_the_linked),
		TEST(second_living_subscription_is_told),
		TEST(second_subscription_after_the_first_ended_is_no_duplicate),
		TEST(link_is_never_overwritten),
		TEST(deleted_customer_is_not_linked),
		TEST(link_clears_no_customer_and_stays),
		TEST(reading_whose_generation_moved_writes_nothing),
		TEST(reading_during_which_a_mark_was_made_is_read_again),
		TEST(reading_replaces_and_clears_the_mark),
		TEST(mark_made_since_the_reading_began_stays),
		TEST(first_mark_keeps_its_time),
		TEST(known_subscription_needs_no_mark),
		TEST(payment_matters_only_while_the_first_one_is_open),
		TEST(payment_matters_while_incomplete),
		TEST(record_outlives_its_period_and_is_never_shortened),
		TEST(tombstone_and_event_id_stay_for_32_days),
	};
	return cmocka_run_group_tests(tests, store_start, store_stop);
}
