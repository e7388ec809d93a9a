#include "billing_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY 86400
#define NOW INT64_C(1700000000)
#define GRACE (2 * DAY)
#define OVERDUE (7 * DAY)
#define WORD(text) ((char[]){ text })

/* The site of these tests: two plans by lookup key, one by product, two that are prices of
 * one product, one for nothing, and one whose lookup key was forgotten. */
static char *basic_keys[] = { WORD("basic_monthly") };
static char *premium_keys[] = { WORD("premium_monthly"), WORD("premium_yearly") };
static char *premium_features[] = { WORD("exports"), WORD("seats") };
static char *small_prices[] = { WORD("price_small") };
static char *large_prices[] = { WORD("price_large") };
static char *free_features[] = { WORD("reading") };
static char *legacy_keys[] = { WORD("unseen") };
static char *blank_keys[] = { WORD("") };
static struct plan plans[] = {
	{ .name = WORD("basic"), .lookup_keys = { basic_keys, 1 } },
	{ .name = WORD("premium"), .lookup_keys = { premium_keys, 2 },
	  .features = { premium_features, 2 } },
	{ .name = WORD("club"), .product = WORD("prod_club"), .lookup_keys = { legacy_keys, 1 } },
	{ .name = WORD("small"), .prices = { small_prices, 1 } },
	{ .name = WORD("large"), .prices = { large_prices, 1 } },
	{ .name = WORD("guest"), .free = true, .features = { free_features, 1 } },
	{ .name = WORD("blank"), .lookup_keys = { blank_keys, 1 } },
};
static char site_name[] = "shop";
static struct site site;

/* What the catalogue knows of them. */
static const struct store_price prices[] = {
	{ .id = "price_basic", .product = "prod_basic", .lookup_key = "basic_monthly" },
	{ .id = "price_premium", .product = "prod_premium", .lookup_key = "premium_monthly" },
	{ .id = "price_small", .product = "prod_sizes" },
	{ .id = "price_large", .product = "prod_sizes" },
	{ .id = "price_other", .product = "prod_other", .lookup_key = "other" },
};

static char premium_gives[][LOOKUP_KEY_SIZE] = { "imports", "reports" };
static char both_give[][LOOKUP_KEY_SIZE] = { "reports" };
static const struct store_product products[] = {
	{ .id = "prod_basic", .features = both_give, .n_features = 1 },
	{ .id = "prod_premium", .features = premium_gives, .n_features = 2 },
	{ .id = "prod_none" },
};
static struct access_catalogue catalogue;

static struct subscription_record records[4];
static char features[4][LOOKUP_KEY_SIZE];
static struct store_user user;
static struct access_decision decision;

static int reset(void **state)
{
	(void)state;
	site = (struct site){ .name = site_name, .grace = GRACE, .past_due_grace = OVERDUE,
		.processing = PROCESSING_ALLOW, .plans = plans, .n_plans = COUNT(plans) };
	catalogue = (struct access_catalogue){ prices, COUNT(prices), products, COUNT(products) };
	memset(records, 0, sizeof(records));
	user = (struct store_user){ .known = true, .records = records, .features = features };
	return 0;
}

/* A further subscription of the user, paid until NOW + DAY. */
static struct subscription_record *add(enum subscription_status status, const char *lookup_key)
{
	struct subscription_record *record = &records[user.n_records++];
	struct subscription *snapshot = &record->snapshot;

	record->as_of = NOW - 100;
	snapshot->status = status;
	snapshot->created = NOW - 100 * DAY;
	snapshot->n_items = 1;
	strcpy(snapshot->items[0].price, "price_unseen");
	strcpy(snapshot->items[0].product, "prod_unseen");
	strcpy(snapshot->items[0].lookup_key, lookup_key);
	snapshot->items[0].current_period_end = NOW + DAY;
	return record;
}

static bool passes_at(const struct subscription_record *record, int64_t now)
{
	enum access_reason reason = REASON_NONE;
	int64_t until = 0;
	bool passes = access_record_passes(&site, record, &record->snapshot.items[0], now, &until,
	    &reason);

	assert_true(passes == (reason == REASON_NONE));
	if (passes)
		assert_true(now < until);
	return passes;
}

static void assert_refused(const struct subscription_record *record, int64_t now,
    enum access_reason expected)
{
	enum access_reason reason = REASON_NONE;
	int64_t until = 0;

	assert_false(access_record_passes(&site, record, &record->snapshot.items[0], now, &until,
	    &reason));
	assert_string_equal(access_reason_str(reason), access_reason_str(expected));
}

/* Passes in the second before `until`, and from `until` on not. */
static void assert_passes_until(const struct subscription_record *record, int64_t until,
    enum access_reason then)
{
	assert_true(passes_at(record, until - 1));
	assert_refused(record, until, then);
	assert_refused(record, until + 1, then);
}

static void decide(const char *require)
{
	access_decide(&site, require, &user, &catalogue, NOW, &decision);
	assert_true(decision.pass == (decision.reason == REASON_NONE));
}

static void assert_passes(const char *require)
{
	decide(require);
	if (!decision.pass)
		fail_msg("%s: %s", require, access_reason_str(decision.reason));
}

static void assert_denied(const char *require, enum access_reason expected)
{
	decide(require);
	assert_string_equal(access_reason_str(decision.reason), access_reason_str(expected));
	assert_int_equal(decision.until, 0);
}

static void assert_denied_or_passes(const char *require, enum access_reason expected)
{
	if (expected == REASON_NONE)
		assert_passes(require);
	else
		assert_denied(require, expected);
}

static void paid_period_and_grace_pass_to_the_second(void **state)
{
	static const enum subscription_status statuses[] = {
		SUBSCRIPTION_TRIALING, SUBSCRIPTION_ACTIVE,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++)
		assert_passes_until(add(statuses[i], ""), NOW + DAY + GRACE, REASON_STALE);
}

static void no_grace_is_configurable(void **state)
{
	(void)state;
	site.grace = 0;
	assert_passes_until(add(SUBSCRIPTION_ACTIVE, ""), NOW + DAY, REASON_STALE);
}

static void what_ends_with_its_period_has_no_grace(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	record->snapshot.cancel_at_period_end = true;
	assert_passes_until(record, NOW + DAY, REASON_STALE);
	record->snapshot.cancel_at = NOW + DAY;
	assert_passes_until(record, NOW + DAY, REASON_STALE);
}

static void nothing_passes_after_cancel_at(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	record->snapshot.cancel_at = NOW + 100;
	assert_passes_until(record, NOW + 100, REASON_STALE);
	record->snapshot.cancel_at = NOW + DAY + 100;
	assert_passes_until(record, NOW + DAY + 100, REASON_STALE);
}

static void cancel_at_a_later_period_leaves_the_grace(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	record->snapshot.cancel_at = NOW + 40 * DAY;
	assert_passes_until(record, NOW + DAY + GRACE, REASON_STALE);
}

static void each_item_has_its_own_period(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");
	struct subscription_item yearly = { .current_period_end = NOW + 300 * DAY };
	enum access_reason reason = REASON_NONE;
	int64_t until = 0;

	(void)state;
	assert_true(access_record_passes(&site, record, &yearly, NOW + 9 * DAY, &until, &reason));
	assert_int_equal(until, NOW + 300 * DAY + GRACE);
	assert_refused(record, NOW + 9 * DAY, REASON_STALE);
}

static void past_due_passes_for_its_own_grace(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_PAST_DUE, "");

	(void)state;
	record->past_due_since = NOW - DAY;
	assert_passes_until(record, NOW - DAY + OVERDUE, REASON_PAST_DUE);
}

static void past_due_of_unknown_beginning_counts_from_the_record(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_PAST_DUE, "");

	(void)state;
	assert_passes_until(record, record->as_of + OVERDUE, REASON_PAST_DUE);
}

static void past_due_ends_with_cancel_at(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_PAST_DUE, "");

	(void)state;
	record->past_due_since = NOW;
	record->snapshot.cancel_at = NOW + 100;
	assert_passes_until(record, NOW + 100, REASON_PAST_DUE);
}

static void other_statuses_never_pass(void **state)
{
	static const struct { enum subscription_status status; enum access_reason reason; } rows[] = {
		{ SUBSCRIPTION_INCOMPLETE, REASON_INCOMPLETE },
		{ SUBSCRIPTION_INCOMPLETE_EXPIRED, REASON_NO_SUBSCRIPTION },
		{ SUBSCRIPTION_CANCELED, REASON_CANCELED },
		{ SUBSCRIPTION_UNPAID, REASON_UNPAID },
		{ SUBSCRIPTION_PAUSED, REASON_PAUSED },
		{ SUBSCRIPTION_UNKNOWN, REASON_UNAVAILABLE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		reset(NULL);
		assert_refused(add(rows[i].status, ""), NOW, rows[i].reason);
		assert_refused(add(rows[i].status, ""), 0, rows[i].reason);
	}
}

static void paused_collection_passes_only_where_service_goes_on(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	record->snapshot.pause_collection = COLLECTION_MARK_UNCOLLECTIBLE;
	assert_passes_until(record, NOW + DAY + GRACE, REASON_STALE);
	for (int behaviour = COLLECTION_VOID; behaviour <= COLLECTION_UNKNOWN; behaviour++) {
		record->snapshot.pause_collection = (enum pause_collection)behaviour;
		assert_refused(record, NOW, REASON_PAUSED);
	}
}

static void first_payment_decides_as_configured(void **state)
{
	static const struct {
		enum processing processing;
		enum first_payment payment;
		enum access_reason reason;
	} rows[] = {
		{ PROCESSING_ALLOW, FIRST_PAYMENT_UNKNOWN, REASON_NONE },
		{ PROCESSING_ALLOW, FIRST_PAYMENT_PROCESSING, REASON_NONE },
		{ PROCESSING_ALLOW, FIRST_PAYMENT_FAILED, REASON_PAYMENT_FAILED },
		{ PROCESSING_ALLOW, FIRST_PAYMENT_PAID, REASON_NONE },
		{ PROCESSING_WAIT, FIRST_PAYMENT_UNKNOWN, REASON_PROCESSING },
		{ PROCESSING_WAIT, FIRST_PAYMENT_PROCESSING, REASON_PROCESSING },
		{ PROCESSING_WAIT, FIRST_PAYMENT_FAILED, REASON_PAYMENT_FAILED },
		{ PROCESSING_WAIT, FIRST_PAYMENT_PAID, REASON_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct subscription_record *record;

		reset(NULL);
		record = add(SUBSCRIPTION_ACTIVE, "");
		record->snapshot.created = NOW - DAY;
		record->first_payment = rows[i].payment;
		site.processing = rows[i].processing;
		if (rows[i].reason == REASON_NONE)
			assert_true(passes_at(record, NOW));
		else
			assert_refused(record, NOW, rows[i].reason);
	}
}

static void debit_is_trusted_until_one_has_failed(void **state)
{
	struct subscription_record *earlier, *debit;

	(void)state;
	debit = add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	debit->first_payment = FIRST_PAYMENT_PROCESSING;
	earlier = add(SUBSCRIPTION_CANCELED, "basic_monthly");
	assert_passes("plan:basic");
	earlier->first_payment = FIRST_PAYMENT_FAILED;
	assert_denied("plan:basic", REASON_PROCESSING);
	earlier->first_payment = FIRST_PAYMENT_PROCESSING;
	assert_denied("plan:basic", REASON_PROCESSING);
	debit->first_payment = FIRST_PAYMENT_PAID;
	assert_passes("plan:basic");
	debit->first_payment = FIRST_PAYMENT_PROCESSING;
	earlier->first_payment = FIRST_PAYMENT_PAID;
	assert_passes("plan:basic");
}

static void unheard_first_payment_is_not_trusted_after_one_that_failed(void **state)
{
	struct subscription_record *fresh = add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	struct subscription_record *earlier = add(SUBSCRIPTION_CANCELED, "basic_monthly");

	(void)state;
	fresh->snapshot.created = NOW - 10;
	assert_passes("plan:basic");
	earlier->first_payment = FIRST_PAYMENT_FAILED;
	assert_denied("plan:basic", REASON_STALE);
	fresh->snapshot.send_invoice = true;
	assert_passes("plan:basic");
	fresh->snapshot.send_invoice = false;
	fresh->snapshot.trial_end = NOW - 5;
	assert_passes("plan:basic");
	fresh->snapshot.trial_end = 0;
	fresh->snapshot.created = NOW - 32 * DAY;
	assert_passes("plan:basic");
	fresh->snapshot.created = NOW - 10;
	fresh->first_payment = FIRST_PAYMENT_PAID;
	assert_passes("plan:basic");
}

static void unheard_first_payment_is_awaited_for_32_days(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	site.processing = PROCESSING_WAIT;
	record->snapshot.created = NOW - 32 * DAY;
	assert_refused(record, NOW - 1, REASON_PROCESSING);
	assert_true(passes_at(record, NOW));
}

static void first_invoice_of_a_trial_is_for_nothing(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	(void)state;
	site.processing = PROCESSING_WAIT;
	record->snapshot.created = NOW - DAY;
	record->snapshot.trial_end = NOW - 100;
	assert_true(passes_at(record, NOW));
}

static void trial_that_waits_for_a_card_is_none(void **state)
{
	struct subscription_record *record = add(SUBSCRIPTION_TRIALING, "basic_monthly");

	(void)state;
	assert_passes("plan:basic");
	record->snapshot.setup_due = true;
	assert_denied("plan:basic", REASON_INCOMPLETE);
	record->snapshot.status = SUBSCRIPTION_ACTIVE;
	assert_passes("plan:basic");
}

static void first_payment_is_of_no_matter_unless_active(void **state)
{
	(void)state;
	site.processing = PROCESSING_WAIT;
	add(SUBSCRIPTION_TRIALING, "")->first_payment = FIRST_PAYMENT_PROCESSING;
	add(SUBSCRIPTION_PAST_DUE, "")->first_payment = FIRST_PAYMENT_FAILED;
	assert_true(passes_at(&records[0], NOW));
	assert_true(passes_at(&records[1], NOW));
}

static void assert_plan(const char *price, const char *lookup_key, const char *product,
    const char *expected)
{
	struct subscription_item item = { 0 };
	const struct plan *plan;

	strcpy(item.price, price);
	strcpy(item.lookup_key, lookup_key);
	strcpy(item.product, product);
	plan = access_item_plan(&site, &item, prices, COUNT(prices));
	assert_string_equal(plan ? plan->name : "none", expected);
}

static void plan_is_found_by_price_key_or_product(void **state)
{
	(void)state;
	assert_plan("price_small", "", "prod_sizes", "small");
	assert_plan("price_large", "", "prod_sizes", "large");
	assert_plan("price_unseen", "premium_yearly", "prod_unseen", "premium");
	assert_plan("price_unseen", "", "prod_club", "club");
	assert_plan("price_unseen", "", "prod_premium", "premium");
	assert_plan("price_unseen", "", "prod_unseen", "none");
	assert_plan("price_other", "other", "prod_other", "none");
	assert_plan("", "", "", "none");
}

static void own_price_decides_before_product(void **state)
{
	(void)state;
	assert_plan("price_large", "", "prod_basic", "large");
	assert_plan("price_unseen", "premium_monthly", "prod_basic", "premium");
	assert_plan("price_large", "basic_monthly", "", "large");
}

static void lookup_key_given_later_decides_before_product(void **state)
{
	(void)state;
	assert_plan("price_premium", "", "prod_basic", "premium");
}

static void unnamed_price_of_shared_product_is_of_the_first_plan(void **state)
{
	(void)state;
	assert_plan("price_old", "", "prod_sizes", "small");
}

static void without_catalogue_only_what_is_configured_matches(void **state)
{
	struct subscription_item item = { .price = "price_unseen", .product = "prod_premium" };

	(void)state;
	assert_null(access_item_plan(&site, &item, NULL, 0));
	strcpy(item.lookup_key, "premium_monthly");
	assert_ptr_equal(access_item_plan(&site, &item, NULL, 0), &plans[1]);
	strcpy(item.lookup_key, "");
	strcpy(item.product, "prod_club");
	assert_ptr_equal(access_item_plan(&site, &item, NULL, 0), &plans[2]);
}

static void bad_requirement_lets_nobody_pass(void **state)
{
	static const char *const bad[] = {
		NULL, "", " ", "Any", "anything", "plan", "plan:", "plan:unheard", "plan:premium,basic",
		"premium", "product:", "feature:", "any typo", "typo any", "plan:premium plan:unheard",
		"plan:premium\tany", "plan:guest typo", "any\n",
	};

	(void)state;
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_denied(bad[i], REASON_MISCONFIGURED);
}

static void too_long_requirement_lets_nobody_pass(void **state)
{
	char words[512] = "any";

	(void)state;
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	for (int i = 1; i < 16; i++)
		strcat(words, " any");
	assert_passes(words);
	strcat(words, " any");
	assert_denied(words, REASON_MISCONFIGURED);
	assert_in_range(snprintf(words, sizeof(words), "any product:%0256d", 1), 1, sizeof(words) - 1);
	assert_denied(words, REASON_MISCONFIGURED);
}

static void any_takes_every_plan_of_the_site_and_nothing_else(void **state)
{
	(void)state;
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_passes("any");
	reset(NULL);
	add(SUBSCRIPTION_ACTIVE, "other");
	assert_denied("any", REASON_OTHER_PLAN);
	reset(NULL);
	assert_denied("any", REASON_NO_SUBSCRIPTION);
}

static void one_of_several_words_is_enough(void **state)
{
	(void)state;
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_passes("plan:basic");
	assert_passes("plan:premium plan:basic");
	assert_passes("  plan:premium   plan:basic ");
	assert_denied("plan:premium", REASON_OTHER_PLAN);
	assert_passes("plan:premium any");
}

static void product_is_asked_for_by_its_id(void **state)
{
	(void)state;
	strcpy(add(SUBSCRIPTION_ACTIVE, "")->snapshot.items[0].product, "prod_elsewhere");
	assert_passes("product:prod_elsewhere");
	assert_null(decision.plan);
	assert_denied("product:prod_else", REASON_OTHER_PLAN);
	assert_denied("any", REASON_OTHER_PLAN);
}

static void feature_of_a_plan_holds_with_the_plan(void **state)
{
	(void)state;
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	assert_passes("feature:exports");
	assert_denied("feature:imports", REASON_OTHER_PLAN);
	reset(NULL);
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_denied("feature:exports", REASON_OTHER_PLAN);
	reset(NULL);
	add(SUBSCRIPTION_UNPAID, "premium_monthly");
	assert_denied("feature:exports", REASON_UNPAID);
}

static void entitlement_needs_a_passing_subscription(void **state)
{
	(void)state;
	strcpy(features[0], "imports");
	user.n_features = 1;
	assert_denied("feature:imports", REASON_NO_SUBSCRIPTION);
	add(SUBSCRIPTION_UNPAID, "basic_monthly");
	assert_denied("feature:imports", REASON_UNPAID);
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_passes("feature:imports");
	assert_denied("feature:exports", REASON_OTHER_PLAN);
}

/* A further subscription to a product, which passes or which Stripe alone takes for paid. */
static void add_product(const char *product, bool passes)
{
	struct subscription_record *record = add(SUBSCRIPTION_ACTIVE, "");

	strcpy(record->snapshot.items[0].product, product);
	record->first_payment = passes ? FIRST_PAYMENT_PAID : FIRST_PAYMENT_FAILED;
}

static void entitle(const char *feature)
{
	strcpy(features[user.n_features++], feature);
}

static void entitlement_counts_by_what_passes(void **state)
{
	/* prod_premium gives "imports", prod_none does not, prod_new and prod_old are not known. */
	static const struct { const char *passing, *doubtful; enum access_reason reason; } rows[] = {
		{ "prod_premium", "prod_none", REASON_NONE },
		{ "prod_premium", "prod_new", REASON_NONE },
		{ "prod_none", "prod_premium", REASON_PAYMENT_FAILED },
		{ "prod_none", "prod_new", REASON_PAYMENT_FAILED },
		{ "prod_none", "prod_basic", REASON_UNAVAILABLE },
		{ "prod_new", "prod_none", REASON_NONE },
		{ "prod_new", "prod_premium", REASON_UNAVAILABLE },
		{ "prod_new", "prod_old", REASON_UNAVAILABLE },
		{ "prod_new", "prod_new", REASON_NONE },
		{ "prod_none", "prod_none", REASON_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		reset(NULL);
		entitle("imports");
		add_product(rows[i].doubtful, false);
		add_product(rows[i].passing, true);
		assert_denied_or_passes("feature:imports", rows[i].reason);
		assert_true(decision.pass == (strncmp(decision.features, "imports", 7) == 0));
	}
}

static void entitlement_is_no_doubt_while_all_passes(void **state)
{
	(void)state;
	entitle("imports");
	add_product("prod_none", true);
	assert_false(entitlements_doubtful(&site, &user, NOW));
	assert_passes("feature:imports");
	add(SUBSCRIPTION_UNPAID, "")->snapshot.items[0].product[0] = '\0';
	assert_false(entitlements_doubtful(&site, &user, NOW));
	add_product("prod_none", false);
	assert_false(entitlements_doubtful(&site, &user, NOW));
	add_product("prod_premium", false);
	assert_true(entitlements_doubtful(&site, &user, NOW));
	user.n_features = 0;
	assert_false(entitlements_doubtful(&site, &user, NOW));
}

static void what_stripe_alone_takes_for_paid_is_doubtful(void **state)
{
	static const struct {
		enum subscription_status status;
		int64_t past_due_since, ends;
		enum pause_collection pause;
		bool doubtful;
	} rows[] = {
		{ SUBSCRIPTION_ACTIVE, 0, NOW + DAY, COLLECTION_RUNS, false },
		{ SUBSCRIPTION_ACTIVE, 0, NOW + DAY, COLLECTION_VOID, true },
		{ SUBSCRIPTION_TRIALING, 0, NOW - GRACE, COLLECTION_RUNS, true },
		{ SUBSCRIPTION_PAST_DUE, NOW - OVERDUE, NOW, COLLECTION_RUNS, true },
		{ SUBSCRIPTION_PAST_DUE, NOW - OVERDUE + 1, NOW, COLLECTION_RUNS, false },
		{ SUBSCRIPTION_UNPAID, 0, NOW + DAY, COLLECTION_RUNS, false },
		{ SUBSCRIPTION_CANCELED, 0, NOW + DAY, COLLECTION_RUNS, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct subscription_record *record;

		reset(NULL);
		entitle("imports");
		add_product("prod_none", true);
		record = add(rows[i].status, "premium_monthly");
		record->past_due_since = rows[i].past_due_since;
		record->snapshot.items[0].current_period_end = rows[i].ends;
		record->snapshot.pause_collection = rows[i].pause;
		assert_true(entitlements_doubtful(&site, &user, NOW) == rows[i].doubtful);
	}
}

static void whose_debit_is_not_trusted_has_no_features_by_it(void **state)
{
	(void)state;
	entitle("imports");
	add_product("prod_none", true);
	add_product("prod_premium", true);
	records[1].first_payment = FIRST_PAYMENT_PROCESSING;
	assert_passes("feature:imports");
	add(SUBSCRIPTION_CANCELED, "")->first_payment = FIRST_PAYMENT_FAILED;
	assert_denied("feature:imports", REASON_PROCESSING);
}

static void feature_of_both_is_had_by_the_one_that_passes(void **state)
{
	(void)state;
	entitle("reports");
	entitle("imports");
	add_product("prod_basic", true);
	add_product("prod_premium", false);
	assert_passes("feature:reports");
	assert_string_equal(decision.features, "reports,reading");
	assert_denied("feature:imports", REASON_PAYMENT_FAILED);
	assert_passes("feature:imports product:prod_basic");
}

static void without_products_a_doubtful_feature_is_unavailable(void **state)
{
	(void)state;
	entitle("imports");
	add_product("prod_basic", true);
	add_product("prod_premium", false);
	catalogue.n_products = 0;
	assert_denied("feature:imports", REASON_UNAVAILABLE);
	assert_denied("feature:reports", REASON_OTHER_PLAN);
	assert_passes("product:prod_basic");
	assert_string_equal(decision.features, "reading");
}

static void free_plan_passes_for_everybody(void **state)
{
	(void)state;
	assert_passes("plan:guest");
	assert_ptr_equal(decision.plan, &plans[5]);
	assert_false(decision.has_subscription);
	assert_passes("feature:reading");
	assert_passes("plan:premium plan:guest");
	assert_denied("any", REASON_NO_SUBSCRIPTION);
	assert_denied("feature:exports", REASON_NO_SUBSCRIPTION);
}

static void dead_subscription_does_not_show_beside_a_free_plan(void **state)
{
	(void)state;
	add(SUBSCRIPTION_CANCELED, "basic_monthly");
	assert_passes("plan:basic plan:guest");
	assert_false(decision.has_subscription);
	assert_ptr_equal(decision.plan, &plans[5]);
}

static void subscription_shows_before_a_free_plan(void **state)
{
	(void)state;
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	assert_passes("plan:guest plan:premium");
	assert_string_equal(decision.plan->name, "premium");
	assert_int_equal(decision.until, NOW + DAY + GRACE);
}

static void any_subscription_that_passes_is_enough(void **state)
{
	(void)state;
	add(SUBSCRIPTION_CANCELED, "premium_monthly");
	add(SUBSCRIPTION_UNPAID, "premium_monthly");
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	add(SUBSCRIPTION_INCOMPLETE, "premium_monthly");
	assert_passes("plan:premium");
	assert_int_equal(decision.status, SUBSCRIPTION_ACTIVE);
}

static void second_item_counts_too(void **state)
{
	struct subscription *snapshot = &add(SUBSCRIPTION_ACTIVE, "basic_monthly")->snapshot;

	(void)state;
	snapshot->items[1] = snapshot->items[0];
	strcpy(snapshot->items[1].lookup_key, "premium_monthly");
	snapshot->n_items = 2;
	assert_passes("plan:premium");
	assert_string_equal(decision.plan->name, "premium");
}

static void longest_of_those_that_pass_is_told(void **state)
{
	(void)state;
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	add(SUBSCRIPTION_TRIALING, "premium_yearly");
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	records[1].snapshot.items[0].current_period_end = NOW + 9 * DAY;
	assert_passes("plan:premium");
	assert_int_equal(decision.status, SUBSCRIPTION_TRIALING);
	assert_int_equal(decision.until, NOW + 9 * DAY + GRACE);
}

static void reason_that_helps_most_is_told(void **state)
{
	(void)state;
	add(SUBSCRIPTION_CANCELED, "premium_monthly");
	assert_denied("plan:premium", REASON_CANCELED);
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_denied("plan:premium", REASON_OTHER_PLAN);
	add(SUBSCRIPTION_UNPAID, "premium_monthly");
	assert_denied("plan:premium", REASON_UNPAID);
	add(SUBSCRIPTION_ACTIVE, "premium_monthly")->snapshot.items[0].current_period_end = NOW - GRACE;
	assert_denied("plan:premium", REASON_STALE);
	assert_int_equal(decision.status, SUBSCRIPTION_ACTIVE);
	assert_true(decision.has_subscription);
}

static void dead_subscription_to_something_else_is_no_subscription(void **state)
{
	(void)state;
	add(SUBSCRIPTION_CANCELED, "basic_monthly");
	add(SUBSCRIPTION_INCOMPLETE_EXPIRED, "premium_monthly");
	assert_denied("plan:premium", REASON_NO_SUBSCRIPTION);
	add(SUBSCRIPTION_PAUSED, "basic_monthly");
	assert_denied("plan:premium", REASON_OTHER_PLAN);
}

static void features_that_hold_are_listed_once(void **state)
{
	(void)state;
	strcpy(features[0], "seats");
	strcpy(features[1], "seat");
	user.n_features = 2;
	add(SUBSCRIPTION_UNPAID, "premium_monthly");
	assert_denied("any", REASON_UNPAID);
	assert_string_equal(decision.features, "reading");
	add(SUBSCRIPTION_ACTIVE, "premium_monthly");
	add(SUBSCRIPTION_ACTIVE, "premium_yearly");
	assert_passes("any");
	assert_string_equal(decision.features, "seats,seat,exports,reading");
}

static void features_that_do_not_fit_are_left_out_whole(void **state)
{
	static char many[12][LOOKUP_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(many); i++)
		memset(many[i], 'a' + (int)i, LOOKUP_KEY_SIZE - 1);
	user.features = many;
	user.n_features = COUNT(many);
	add(SUBSCRIPTION_ACTIVE, "basic_monthly");
	assert_passes("any");
	assert_int_equal(strlen(decision.features), 10 * LOOKUP_KEY_SIZE - 1 + sizeof(",reading") - 1);
}

static void every_reason_has_its_own_word(void **state)
{
	(void)state;
	assert_string_equal(access_reason_str(REASON_NONE), "");
	for (int i = REASON_NONE; i <= REASON_STALE; i++)
		for (int j = i + 1; j <= REASON_STALE; j++)
			assert_string_not_equal(access_reason_str((enum access_reason)i),
			    access_reason_str((enum access_reason)j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, reset)
		TEST(paid_period_and_grace_pass_to_the_second),
		TEST(no_grace_is_configurable),
		TEST(what_ends_with_its_period_has_no_grace),
		TEST(nothing_passes_after_cancel_at),
		TEST(cancel_at_a_later_period_leaves_the_grace),
		TEST(each_item_has_its_own_period),
		TEST(past_due_passes_for_its_own_grace),
		TEST(past_due_of_unknown_beginning_counts_from_the_record),
		TEST(past_due_ends_with_cancel_at),
		TEST(other_statuses_never_pass),
		TEST(paused_collection_passes_only_where_service_goes_on),
		TEST(first_payment_decides_as_configured),
		TEST(debit_is_trusted_until_one_has_failed),
		TEST(unheard_first_payment_is_not_trusted_after_one_that_failed),
		TEST(unheard_first_payment_is_awaited_for_32_days),
		TEST(first_invoice_of_a_trial_is_for_nothing),
		TEST(trial_that_waits_for_a_card_is_none),
		TEST(first_payment_is_of_no_matter_unless_active),
		TEST(plan_is_found_by_price_key_or_product),
		TEST(own_price_decides_before_product),
		TEST(lookup_key_given_later_decides_before_product),
		TEST(unnamed_price_of_shared_product_is_of_the_first_plan),
		TEST(without_catalogue_only_what_is_configured_matches),
		TEST(bad_requirement_lets_nobody_pass),
		TEST(too_long_requirement_lets_nobody_pass),
		TEST(any_takes_every_plan_of_the_site_and_nothing_else),
		TEST(one_of_several_words_is_enough),
		TEST(product_is_asked_for_by_its_id),
		TEST(feature_of_a_plan_holds_with_the_plan),
		TEST(entitlement_needs_a_passing_subscription),
		TEST(entitlement_counts_by_what_passes),
		TEST(entitlement_is_no_doubt_while_all_passes),
		TEST(what_stripe_alone_takes_for_paid_is_doubtful),
		TEST(whose_debit_is_not_trusted_has_no_features_by_it),
		TEST(feature_of_both_is_had_by_the_one_that_passes),
		TEST(without_products_a_doubtful_feature_is_unavailable),
		TEST(free_plan_passes_for_everybody),
		TEST(dead_subscription_does_not_show_beside_a_free_plan),
		TEST(subscription_shows_before_a_free_plan),
		TEST(any_subscription_that_passes_is_enough),
		TEST(second_item_counts_too),
		TEST(longest_of_those_that_pass_is_told),
		TEST(reason_that_helps_most_is_told),
		TEST(dead_subscription_to_something_else_is_no_subscription),
		TEST(features_that_hold_are_listed_once),
		TEST(features_that_do_not_fit_are_left_out_whole),
		TEST(every_reason_has_its_own_word),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
