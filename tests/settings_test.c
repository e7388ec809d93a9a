#include "settings_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void smallest_file_has_the_documented_defaults(void **state)
{
	struct settings *settings = load(REDIS SITE(""));
	const struct site *site;

	(void)state;
	assert_non_null(settings);
	assert_string_equal(logged, "");
	assert_string_equal(settings->stripe_api_base, "https://api.stripe.com");
	assert_int_equal(settings->stripe_timeout_ms, 25000);
	assert_int_equal(settings->log_level, LOG_LEVEL_INFO);
	assert_int_equal(settings->n_sites, 1);
	site = settings_site(settings, NULL);
	assert_string_equal(site->name, "shop");
	assert_string_equal(site->redis.url, "unix:/run/redis.sock");
	assert_int_equal(site->livemode, -1);
	assert_false(site->loopback_http);
	assert_int_equal(site->ui_mode, UI_HOSTED_PAGE);
	assert_int_equal(site->grace, 2 * 86400);
	assert_int_equal(site->past_due_grace, 7 * 86400);
	assert_int_equal(site->cold_wait_ms, 2000);
	assert_int_equal(site->processing, PROCESSING_ALLOW);
	assert_int_equal(site->on_store_failure, STORE_FAILURE_DENY);
	assert_int_equal(site->creation_limit.count, 30);
	assert_int_equal(site->creation_limit.window_ms, 600000);
	assert_int_equal(site->stripe_rate, 20);
	assert_false(site->finalize_invoices || site->allow_pause || site->allow_promotion_codes
	    || site->automatic_tax);
	assert_true(site->one_trial_per_customer);
	assert_null(site->default_plan);
	assert_null(site->error_path);
	settings_free(settings);
}

static void every_key_of_a_site_is_read(void **state)
{
	struct settings *settings = NULL;
	const struct site *site;

	(void)state;
	put("p", "s3cret");
	settings = load(with_directory(
	    "stripe_api_base = \"http://127.0.0.1:12111\"\nstripe_timeout = 10\nlog_level = debug\n"
	    "site shop {\n  origin = \"http://localhost:8080\"\n  redis = \"tcp://10.0.0.1:6379/0\"\n"
	    "  redis_user = shop\n  redis_password_file = \"@/p\"\n"
	    "  stripe_publishable_key = pk_live_1\n  stripe_account = acct_1\n"
	    "  success_path = \"/r?s={CHECKOUT_SESSION_ID}\"\n  cancel_path = \"/\"\n"
	    "  portal_return_path = \"/account\"\n  error_path = \"/error\"\n  ui_mode = custom\n"
	    "  allow_promotion_codes = true\n  automatic_tax = yes\n"
	    "  billing_address_collection = required\n  submit_text = 'Pay ${now}'\n"
	    "  terms_text = \"I agree\"\n  grace = 90s\n  past_due_grace = 10m\n  cold_wait = 500ms\n"
	    "  processing = wait\n  on_store_failure = allow\n  finalize_invoices = on\n"
	    "  allow_pause = true\n  one_trial_per_customer = false\n  stripe_rate = 5\n"
	    "  creation_limit = \"5/90s\"\n"
	    "  notify_url = \"http://127.0.0.1/n.php\"\n"
	    "  notify_secret_file = \"@/n\"\n  default_plan = a\n  plan a { free = true }\n}\n"));
	assert_non_null(settings);
	site = settings_site(settings, "shop");
	assert_string_equal(settings->stripe_api_base, "http://127.0.0.1:12111");
	assert_int_equal(settings->stripe_timeout_ms, 10000);
	assert_int_equal(settings->log_level, LOG_LEVEL_DEBUG);
	assert_true(site->loopback_http);
	assert_string_equal(site->redis.url, "tcp://10.0.0.1:6379/0");
	assert_string_equal(site->redis.user, "shop");
	assert_int_equal(site->livemode, 1);
	assert_string_equal(site->stripe_account, "acct_1");
	assert_string_equal(site->error_path, "/error");
	assert_int_equal(site->ui_mode, UI_ELEMENTS);
	assert_true(site->allow_promotion_codes && site->automatic_tax && site->finalize_invoices
	    && site->allow_pause && !site->one_trial_per_customer);
	assert_string_equal(site->billing_address_collection, "required");
	assert_string_equal(site->submit_text, "Pay ${now}");
	assert_string_equal(site->terms_text, "I agree");
	assert_int_equal(site->grace, 90);
	assert_int_equal(site->past_due_grace, 600);
	assert_int_equal(site->cold_wait_ms, 500);
	assert_int_equal(site->processing, PROCESSING_WAIT);
	assert_int_equal(site->on_store_failure, STORE_FAILURE_ALLOW);
	assert_int_equal(site->stripe_rate, 5);
	assert_int_equal(site->creation_limit.count, 5);
	assert_int_equal(site->creation_limit.window_ms, 90000);
	assert_string_equal(site->notify_url, "http://127.0.0.1/n.php");
	assert_ptr_equal(site->default_plan, &site->plans[0]);
	settings_free(settings);
}

static void every_key_of_a_plan_is_read(void **state)
{
	struct settings *settings = load(REDIS SITE(
	    "plan basic { lookup_key = basic_monthly }\n"
	    "plan premium {\n price = price_1\n prices = {price_2, price_3}\n lookup_key = l1\n"
	    " lookup_keys = {\"l 2\"}\n product = prod_1\n setup_lookup_key = setup\n"
	    " features = {exports, api}\n currency = eur\n trial_days = 14\n"
	    " trial_without_card = true\n trial_end = cancel\n quantity_max = 50\n }\n"));
	const struct plan *plan;

	(void)state;
	assert_non_null(settings);
	plan = site_plan(&settings->sites[0], "basic");
	assert_int_equal(plan->quantity_max, 1);
	assert_int_equal(plan->trial_end, TRIAL_END_PAUSE);
	assert_false(plan->free);
	plan = site_plan(&settings->sites[0], "premium");
	assert_int_equal(plan->prices.count, 3);
	assert_string_equal(plan->prices.word[0], "price_1");
	assert_string_equal(plan->prices.word[2], "price_3");
	assert_int_equal(plan->lookup_keys.count, 2);
	assert_string_equal(plan->lookup_keys.word[1], "l 2");
	assert_string_equal(plan->product, "prod_1");
	assert_string_equal(plan->setup_lookup_key, "setup");
	assert_string_equal(plan->features.word[1], "api");
	assert_string_equal(plan->currency, "eur");
	assert_int_equal(plan->trial_days, 14);
	assert_true(plan->trial_without_card);
	assert_int_equal(plan->trial_end, TRIAL_END_CANCEL);
	assert_int_equal(plan->quantity_max, 50);
	assert_null(site_plan(&settings->sites[0], "Premium"));
	settings_free(settings);
}

static void wrong_values_are_refused_with_line_and_key(void **state)
{
	static const struct {
		const char *line;
		const char *key;
	} wrong[] = {
		{ "error_path = \"account\"", "error_path" },
		{ "error_path = \"//evil.example\"", "error_path" },
		{ "error_path = \"/\\\\evil.example\"", "error_path" },
		{ "error_path = \"/a\\\\b\"", "error_path" },
		{ "error_path = \"/a\\nb\"", "error_path" },
		{ "error_path = \"https://shop.example/a\"", "error_path" },
		{ "error_path = \"\"", "error_path" },
		{ "ui_mode = hosted_pag", "ui_mode" },
		{ "ui_mode = 1", "ui_mode" },
		{ "allow_pause = 1", "allow_pause" },
		{ "allow_pause = True", "allow_pause" },
		{ "grace = -1", "grace" },
		{ "grace = 2w", "grace" },
		{ "grace = \"2 d\"", "grace" },
		{ "grace = 500ms", "grace" },
		{ "grace = 366d", "grace" },
		{ "grace = 99999999999999999999", "grace" },
		{ "cold_wait = 31s", "cold_wait" },
		{ "creation_limit = 30", "creation_limit" },
		{ "creation_limit = \"0/10m\"", "creation_limit" },
		{ "creation_limit = \"-1/10m\"", "creation_limit" },
		{ "creation_limit = \"30/\"", "creation_limit" },
		{ "creation_limit = \"30/999ms\"", "creation_limit" },
		{ "creation_limit = \"30/2d\"", "creation_limit" },
		{ "creation_limit = \"30 / 10m\"", "creation_limit" },
		{ "creation_limit = \"30/10m/1\"", "creation_limit" },
		{ "creation_limit = \"no\"", "creation_limit" },
		{ "stripe_rate = 0", "stripe_rate" },
		{ "stripe_rate = 1.5", "stripe_rate" },
		{ "stripe_publishable_key = sk_live_1", "stripe_publishable_key" },
		{ "stripe_account = cus_1", "stripe_account" },
		{ "billing_address_collection = always", "billing_address_collection" },
		{ "processing = deny", "processing" },
		{ "on_store_failure = wait", "on_store_failure" },
		{ "notify_url = \"http://example.com/\"", "notify_url" },
		{ "redis = \"127.0.0.1:6379\"", "redis" },
		{ "redis = \"redis://h:6379\"", "redis" },
		{ "redis = \"sentinel://a,b\"", "redis" },
		{ "redis = \"unix:run/redis.sock\"", "redis" },
		{ "submit_text = \"a\\x1b[2J\"", "submit_text" },
		{ "submit_text = \"a\\xff\"", "submit_text" },
		{ "stripe_secret_key_file = \"shop.key\"", "stripe_secret_key_file" },
		{ "webhook_secret_files = {\"/a\", b}", "webhook_secret_files" },
		{ "plan p { price = plan_1 }", "price" },
		{ "plan p { prices = {price_1, \"price_2 \"} }", "prices" },
		{ "plan p { product = p1 }", "product" },
		{ "plan p { free = true features = {\"a,b\"} }", "features" },
		{ "plan p { free = true currency = EUR }", "currency" },
		{ "plan p { free = true trial_days = 731 }", "trial_days" },
		{ "plan p { free = true trial_end = stop }", "trial_end" },
		{ "plan p { free = true quantity_max = 0 }", "quantity_max" },
	};
	char text[2048], reason[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strcpy(text, REDIS SITE(""));
		strcpy(strrchr(text, '\n') - 2, wrong[i].line);
		strcat(text, "\n}\n");
		assert_true(snprintf(reason, sizeof(reason), ": %s: must ", wrong[i].key) > 0);
		assert_refused(text, reason);
		assert_non_null(strstr(logged, "file=tollgate.conf line=7 "));
		assert_true(strchr(logged, '\n') == logged + strlen(logged) - 1);
	}
}

static void origin_is_what_a_browser_sends(void **state)
{
	static const char *const wrong[] = {
		"shop.example", "https://shop.example/", "https://shop.example/a", "https://Shop.example",
		"http://shop.example", "https://shop.example:443", "http://127.0.0.1:80",
		"https://u@shop.example", "https://", "https://shop.example:", "ftp://127.0.0.1",
	};
	static const char *const right[] = {
		"https://shop.example:8443", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) + sizeof(right) / sizeof(right[0]); i++) {
		bool is_wrong = i < sizeof(wrong) / sizeof(wrong[0]);
		const char *origin = is_wrong ? wrong[i] : right[i - sizeof(wrong) / sizeof(wrong[0])];

		assert_true(snprintf(text, sizeof(text), REDIS "site s { origin = \"%s\" cancel_path = \"/\" "
		    "portal_return_path = \"/\" success_path = \"/{CHECKOUT_SESSION_ID}\" }", origin) > 0);
		if (is_wrong) {
			assert_refused(text, "site s: origin: must be");
		} else {
			struct settings *settings = load(text);

			assert_non_null(settings);
			assert_string_equal(settings->sites[0].origin, origin);
			settings_free(settings);
		}
	}
}

static void all_faults_of_a_file_are_shown_at_once(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("grace = x\ncold_wait = y\nplan \"p q\" { trial_days = z }"),
	    "line=7 reason=\"site shop: grace: ");
	assert_non_null(strstr(logged, "line=8 reason=\"site shop: cold_wait: "));
	assert_non_null(strstr(logged, "line=9 reason=\"plan p q: trial_days: "));
	assert_refused(SITE("default_plan = q\nplan p { }"), "site shop: redis: is required");
	assert_non_null(strstr(logged, "site shop: default_plan: "));
	assert_non_null(strstr(logged, "site shop: plan p: price: one of "));
}

static void missing_keys_are_named(void **state)
{
	(void)state;
	assert_refused(REDIS "site shop { }", "site shop: origin: is required");
	assert_non_null(strstr(logged, "site shop: success_path: is required"));
	assert_non_null(strstr(logged, "site shop: cancel_path: is required"));
	assert_non_null(strstr(logged, "site shop: portal_return_path: is required"));
	assert_refused(REDIS "site shop { success_path = \"/return\" }",
	    "success_path: must be a path on the site's own origin with {CHECKOUT_SESSION_ID}");
	assert_refused(REDIS, "site: there must be at least one");
}

static void unknown_and_misplaced_keys_are_refused(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("orgin = x"), "no such option 'orgin'");
	assert_non_null(strstr(logged, "file=tollgate.conf line=7"));
	assert_refused(REDIS "origin = \"https://shop.example\"\n" SITE(""), "no such option 'origin'");
	assert_refused(REDIS SITE("include(\"x\")"), "no such option 'include'");
	assert_refused(REDIS SITE("origin = {\"a\", \"b\"}"), "unexpected token");
	assert_refused(REDIS SITE("plan p"), "missing opening brace");
}

static void key_or_section_that_comes_twice_is_refused(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("cancel_path = \"/other\""), "cancel_path: is set twice");
	assert_refused(REDIS REDIS SITE(""), "redis: is set twice");
	assert_refused(REDIS SITE("") SITE(""), "duplicate title 'shop'");
	assert_refused(REDIS SITE("plan p { free = true }\nplan p { free = true }"),
	    "duplicate title 'p'");
}

static void names_of_sites_and_plans_are_bounded(void **state)
{
	(void)state;
	assert_refused(REDIS SITE_NAMED("Shop", ""), "site: name: must be lower-case");
	assert_refused(REDIS SITE_NAMED("-shop", ""), "site: name: must be");
	assert_refused(REDIS SITE_NAMED("a{b}", ""), "site: name: must be");
	assert_refused(REDIS SITE_NAMED("", ""), "site: name: must be");
	assert_refused(REDIS SITE_NAMED(KEY32 KEY32, ""), "site: name: must be");
	assert_refused(REDIS SITE("plan \"a b\" { free = true }"), "plan: name: must be");
	assert_refused(REDIS SITE("plan \"" KEY32 KEY32 "x\" { free = true }"), "plan: name: must be");
}

static void plans_are_checked_against_each_other(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("plan a { price = price_1 }\nplan b { prices = {price_2, price_1} }"),
	    "site shop: plan b: price: is that of an earlier plan");
	assert_refused(REDIS SITE("plan a { lookup_key = k }\nplan b { lookup_key = k }"),
	    "site shop: plan b: lookup_key: is that of");
	assert_refused(REDIS SITE("plan a { product = prod_1 }\nplan b { product = prod_1 }"),
	    "site shop: plan b: product: is that of");
	assert_refused(REDIS SITE("plan a { price = price_1 prices = {price_1} }"),
	    "site shop: plan a: price: is named twice");
	assert_refused(REDIS SITE("plan a { free = true trial_without_card = true }"),
	    "site shop: plan a: trial_without_card: needs trial_days");
	assert_refused(REDIS SITE("redis_user = shop"), "site shop: redis_user: needs redis_password_file");
	assert_refused(REDIS SITE("notify_url = \"https://shop.example/n\""),
	    "site shop: notify_url: needs notify_secret_file");
	assert_refused(REDIS SITE("webhook_secret_files = {\"/a\", \"/b\", \"/c\"}"),
	    "webhook_secret_files: takes two");
	assert_refused(REDIS SITE("identity_key_files = {\"/a\", \"/b\", \"/c\"}"),
	    "identity_key_files: takes two");
}

static void environment_gets_into_no_value(void **state)
{
	(void)state;
	setenv("TOLLGATE_TEST", "/evil", 1);
	assert_refused(REDIS SITE("error_path = \"${TOLLGATE_TEST}\""), "line=7 reason=\"${...} is not");
	assert_refused(REDIS SITE("error_path = ${TOLLGATE_TEST}"), "${...} is not supported");
	assert_refused(REDIS SITE("error_path = \"/\\\\${TOLLGATE_TEST}\""), "${...} is not supported");
	assert_refused(REDIS SITE("error_path = \"${UNSET:-/evil}\""), "${...} is not supported");
	assert_refused(REDIS "/* ' */ # \"\nsite ${TOLLGATE_TEST} { }", "line=3 reason=\"${...} is not");
	assert_refused(REDIS "// '\nsite ${TOLLGATE_TEST} { }", "line=3 reason=\"${...} is not");
	assert_refused(REDIS "site 'a\\'' { } ${X}", "${...} is not supported");
	unsetenv("TOLLGATE_TEST");
}

static void dollar_that_libconfuse_leaves_alone_is_taken(void **state)
{
	struct settings *settings = load("# ${A} \"\n// ${B} '\n/* ${C} \" **/\n" REDIS
	    SITE("submit_text = '${D}' terms_text = \"\\${E} $ {\""));

	(void)state;
	assert_non_null(settings);
	assert_string_equal(settings->sites[0].submit_text, "${D}");
	assert_string_equal(settings->sites[0].terms_text, "${E} $ {");
	settings_free(settings);
}

/* libconfuse would ignore whatever follows. */
static void what_is_left_open_is_refused(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("") "/* plan x { }\n", "a comment is not closed");
	assert_refused(REDIS SITE("error_path = \"/a"), "a string is not closed");
	assert_refused(REDIS SITE("error_path = '/a"), "a string is not closed");
	assert_refused(REDIS "site shop {\n  plan a {\n free = true\n", "the brace that is opened here is not closed");
	assert_refused(REDIS SITE("plan a { free = true") , "the brace that is opened here is not closed");
}

static void include_is_relative_to_the_including_file(void **state)
{
	struct settings *settings;

	(void)state;
	assert_int_equal(mkdir("common", 0700), 0);
	assert_int_equal(mkdir("common/sites", 0700), 0);
	put("common/all.conf", REDIS "include(\"sites/more.conf\")\n");
	put("common/sites/more.conf", SITE_NAMED("more", ""));
	settings = load("include(\"common/all.conf\")\n" SITE(""));
	assert_non_null(settings);
	assert_int_equal(settings->n_sites, 2);
	assert_string_equal(settings->sites[0].name, "more");
	assert_string_equal(settings->sites[0].redis.url, "unix:/run/redis.sock");
	settings_free(settings);
}

static void include_takes_any_number_of_files_by_pattern(void **state)
{
	char name[64], text[1024];
	struct settings *settings;

	(void)state;
	assert_int_equal(mkdir("sites.d", 0700), 0);
	for (int i = 0; i < 30; i++) {
		assert_true(snprintf(name, sizeof(name), "sites.d/%02d.conf", 29 - i) > 0);
		assert_true(snprintf(text, sizeof(text), "site s%02d { origin = \"https://s%d.example\" "
		    "cancel_path = \"/\" portal_return_path = \"/\" "
		    "success_path = \"/{CHECKOUT_SESSION_ID}\" }\n", i, i) > 0);
		put(name, text);
	}
	put("sites.d/readme", "not a configuration");
	put("sites.d/99.conf", "# nothing\n");
	settings = load(REDIS "include(\"sites.d/*.conf\")\ninclude(\"sites.d/*.none\")\n");
	assert_non_null(settings);
	assert_int_equal(settings->n_sites, 30);
	for (size_t i = 0; i < 30; i++)
		assert_ptr_equal(settings_site(settings, settings->sites[i].name), &settings->sites[i]);
	assert_string_equal(settings->sites[29].name, "s29");
	settings_free(settings);
}

static void faults_of_a_file_for_all_sites_are_those_of_the_main_one(void **state)
{
	(void)state;
	put("all.conf", "\nlog_level = x\n");
	assert_refused(REDIS SITE("") "include(\"all.conf\")\n", "file=./all.conf line=2 ");
	put("all.conf", "\n/* log_level = info\n");
	assert_refused(REDIS SITE("") "include(\"all.conf\")\n", "file=./all.conf line=2 ");
	put("all.conf", "log_level = info\n");
	assert_refused(REDIS SITE("") "include(\"all.conf\")\nnonsense = 1\n", "file=tollgate.conf line=10 ");
	assert_refused(REDIS SITE("") "include(\"missing.conf\")\n", "file=./missing.conf");
	assert_refused(REDIS SITE("") "include(\"none.d/*.conf\")\n", "none.d/*.conf cannot be searched");
	assert_refused(REDIS SITE("") "include()\n", "include: takes one");
	put("all.conf", "include(\"all.conf\")\n");
	assert_refused(REDIS SITE("") "include(\"all.conf\")\n", "too deeply");
}

static void file_that_cannot_be_read_is_refused(void **state)
{
	(void)state;
	assert_null(settings_load("/nonexistent/tollgate.conf", 0));
	assert_null(settings_load("/", 0));
}

static void site_is_found_by_name_or_alone(void **state)
{
	struct settings *settings = load(REDIS SITE_NAMED("a", "") SITE_NAMED("b", ""));

	(void)state;
	assert_string_equal(settings_site(settings, "b")->name, "b");
	assert_null(settings_site(settings, NULL));
	assert_null(settings_site(settings, ""));
	assert_null(settings_site(settings, "c"));
	settings_free(settings);
}

static void sites_with_the_same_redis_share_it(void **state)
{
	struct settings *settings;

	(void)state;
	put("p1", "secret1");
	put("p2", "secret2");
	settings = load(with_directory(REDIS "redis_user = all\nredis_password_file = \"@/p1\"\n"
	    SITE_NAMED("a", "") SITE_NAMED("b", "")
	    SITE_NAMED("c", "redis = \"tcp://127.0.0.1:6379\"")
	    SITE_NAMED("d", "redis_user = d redis_password_file = \"@/p2\"")));
	assert_non_null(settings);
	assert_int_equal(settings->n_redis, 3);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(settings->redis[settings->sites[i].redis_index]->url,
		    settings->sites[i].redis.url);
	assert_int_equal(settings->sites[1].redis_index, settings->sites[0].redis_index);
	assert_string_equal(settings->sites[1].redis.user, "all");
	assert_string_equal(settings->sites[1].redis.password.text, "secret1");
	assert_string_equal(settings->sites[3].redis.url, "unix:/run/redis.sock");
	assert_string_equal(settings->sites[3].redis.user, "d");
	assert_string_equal(settings->sites[3].redis.password.text, "secret2");
	settings_free(settings);
}

static void global_redis_login_goes_to_no_other_server(void **state)
{
	struct settings *settings;

	(void)state;
	put("p1", "secret1");
	settings = load(with_directory("redis_user = all\nredis_password_file = \"@/p1\"\n"
	    SITE("redis = \"tcp://10.0.0.1:6379\"")));
	assert_non_null(settings);
	assert_null(settings->sites[0].redis.user);
	assert_null(settings->sites[0].redis.password.text);
	settings_free(settings);
}

static void only_the_secrets_asked_for_are_opened(void **state)
{
	struct settings *settings;

	(void)state;
	put("whsec", "whsec_1\n");
	settings = load_secrets(with_directory(REDIS SITE("stripe_secret_key_file = \"@/missing\"\n"
	    "identity_key_files = \"@/missing\"\nwebhook_secret_files = \"@/whsec\"")), SECRET_WEBHOOK);
	assert_non_null(settings);
	assert_null(settings->sites[0].stripe_key.text);
	assert_int_equal(settings->sites[0].n_identity_keys, 0);
	assert_int_equal(settings->sites[0].n_webhook_secrets, 1);
	assert_string_equal(settings->sites[0].webhook_secrets[0].text, "whsec_1");
	settings_free(settings);
}

static void own_key_comes_before_the_common_one(void **state)
{
	static const struct {
		unsigned secret;
		const char *key;
	} expected[] = {
		{ SECRET_CHECKOUT_KEY, "rk_test_checkout" }, { SECRET_SESSION_KEY, "rk_test_session" },
		{ SECRET_PORTAL_KEY, "rk_test_portal" }, { SECRET_SUBSCRIPTION_KEY, "rk_test_subscription" },
		{ SECRET_SYNC_KEY, "sk_test_common" },
	};
	struct settings *settings;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		put(strrchr(expected[i].key, '_') + 1, expected[i].key);
	for (size_t i = 0; i < 5; i++) {
		settings = load_secrets(with_directory(REDIS SITE("stripe_secret_key_file = \"@/common\"\n"
		    "checkout_key_file = \"@/checkout\"\nsession_key_file = \"@/session\"\n"
		    "portal_key_file = \"@/portal\"\nsubscription_key_file = \"@/subscription\"\n"
		    "stripe_publishable_key = pk_test_1")), expected[i].secret);
		assert_non_null(settings);
		assert_string_equal(settings->sites[0].stripe_key.text, expected[i].key);
		assert_int_equal(settings->sites[0].livemode, 0);
		settings_free(settings);
	}
}

static void all_secrets_together_are_opened(void **state)
{
	struct settings *settings;

	(void)state;
	put("key", "sk_live_1");
	put("whsec1", "whsec_1");
	put("whsec2", "whsec_2");
	put("identity", KEY32);
	put("notify", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	settings = load_secrets(with_directory(REDIS SITE("stripe_secret_key_file = \"@/key\"\n"
	    "webhook_secret_files = {\"@/whsec1\", \"@/whsec2\"}\nidentity_key_files = {\"@/identity\"}\n"
	    "notify_url = \"https://shop.example/n\" notify_secret_file = \"@/notify\"")), SECRET_ALL);
	assert_non_null(settings);
	assert_string_equal(settings->sites[0].stripe_key.text, "sk_live_1");
	assert_string_equal(settings->sites[0].webhook_secrets[1].text, "whsec_2");
	assert_string_equal(settings->sites[0].identity_keys[0].text, KEY32);
	assert_string_equal(settings->sites[0].notify_secret.text,
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	settings_free(settings);
}

static void secrets_that_are_missing_or_wrong_are_refused(void **state)
{
	(void)state;
	put("pk", "pk_test_1");
	put("live", "sk_live_1");
	put("mode", "sk_1");
	put("short", "0123456789abcdef0123456789abcde");
	put("whsec", "whsec_short");
	assert_refused_with(REDIS SITE(""), SECRET_PORTAL_KEY,
	    "site shop: portal_key_file: is required, or stripe_secret_key_file");
	assert_refused_with(REDIS SITE(""), SECRET_WEBHOOK, "webhook_secret_files: is required");
	assert_refused_with(with_directory(REDIS SITE("portal_key_file = \"@/none\"")),
	    SECRET_PORTAL_KEY, "No such file");
	assert_refused_with(with_directory(REDIS SITE("portal_key_file = \"@/pk\"")),
	    SECRET_PORTAL_KEY, "portal_key_file: the file holds no Stripe secret");
	assert_refused_with(with_directory(REDIS SITE("portal_key_file = \"@/mode\"")),
	    SECRET_PORTAL_KEY, "portal_key_file: the key is neither");
	assert_refused_with(with_directory(REDIS SITE("stripe_secret_key_file = \"@/live\"\n"
	    "stripe_publishable_key = pk_test_1")), SECRET_SYNC_KEY, "is for test, the other live");
	assert_refused_with(with_directory(REDIS SITE("webhook_secret_files = \"@/pk\"")),
	    SECRET_WEBHOOK, "no signing secret");
	assert_refused_with(with_directory(REDIS SITE("identity_key_files = \"@/short\"")),
	    SECRET_IDENTITY, "shorter than 32 bytes");
	assert_refused_with(with_directory(REDIS SITE("notify_url = \"https://shop.example/n\"\n"
	    "notify_secret_file = \"@/whsec\"")), SECRET_NOTIFY, "notify_secret_file: the file holds neither");
	assert_refused_with(with_directory(REDIS "redis_password_file = \"@/none\"\n" SITE("")), 0,
	    "redis_password_file: ");
	assert_null(strstr(logged, "sk_live_1"));
}

static void fault_of_the_common_key_is_told_once(void **state)
{
	const char *told;

	(void)state;
	put("whsec", "whsec_1");
	assert_refused_with(with_directory(REDIS SITE("stripe_secret_key_file = \"@/none\"\n"
	    "webhook_secret_files = \"@/whsec\"")), SECRET_ALL, "stripe_secret_key_file: ");
	told = strstr(logged, "stripe_secret_key_file: ");
	assert_null(strstr(told + 1, "stripe_secret_key_file: "));
}

static void secret_that_others_may_read_is_refused(void **state)
{
	(void)state;
	put("key", "sk_live_1");
	assert_int_equal(chmod("key", 0644), 0);
	assert_refused_with(with_directory(REDIS SITE("stripe_secret_key_file = \"@/key\"")),
	    SECRET_SYNC_KEY, "stripe_secret_key_file: ");
	assert_non_null(strstr(logged, "by others"));
}

/* Somebody who puts the key where its file's name belongs finds it in no log. */
static void value_of_a_wrong_key_is_not_logged(void **state)
{
	(void)state;
	assert_refused(REDIS SITE("stripe_secret_key_file = sk_live_1"), "stripe_secret_key_file: must");
	assert_null(strstr(logged, "sk_live_1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(smallest_file_has_the_documented_defaults),
		SETTINGS_TEST(every_key_of_a_site_is_read),
		SETTINGS_TEST(every_key_of_a_plan_is_read),
		SETTINGS_TEST(wrong_values_are_refused_with_line_and_key),
		SETTINGS_TEST(origin_is_what_a_browser_sends),
		SETTINGS_TEST(all_faults_of_a_file_are_shown_at_once),
		SETTINGS_TEST(missing_keys_are_named),
		SETTINGS_TEST(unknown_and_misplaced_keys_are_refused),
		SETTINGS_TEST(key_or_section_that_comes_twice_is_refused),
		SETTINGS_TEST(names_of_sites_and_plans_are_bounded),
		SETTINGS_TEST(plans_are_checked_against_each_other),
		SETTINGS_TEST(environment_gets_into_no_value),
		SETTINGS_TEST(dollar_that_libconfuse_leaves_alone_is_taken),
		SETTINGS_TEST(what_is_left_open_is_refused),
		SETTINGS_TEST(include_is_relative_to_the_including_file),
		SETTINGS_TEST(include_takes_any_number_of_files_by_pattern),
		SETTINGS_TEST(faults_of_a_file_for_all_sites_are_those_of_the_main_one),
		SETTINGS_TEST(file_that_cannot_be_read_is_refused),
		SETTINGS_TEST(site_is_found_by_name_or_alone),
		SETTINGS_TEST(sites_with_the_same_redis_share_it),
		SETTINGS_TEST(global_redis_login_goes_to_no_other_server),
		SETTINGS_TEST(only_the_secrets_asked_for_are_opened),
		SETTINGS_TEST(own_key_comes_before_the_common_one),
		SETTINGS_TEST(all_secrets_together_are_opened),
		SETTINGS_TEST(secrets_that_are_missing_or_wrong_are_refused),
		SETTINGS_TEST(fault_of_the_common_key_is_told_once),
		SETTINGS_TEST(secret_that_others_may_read_is_refused),
		SETTINGS_TEST(value_of_a_wrong_key_is_not_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
