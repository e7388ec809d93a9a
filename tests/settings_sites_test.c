/* A file of one site that is broken stops this site, whatever is wrong with it, and no other. */
#include "settings_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MAIN REDIS "include(\"*.site\")\n"
#define CONNECT "stripe_account = acct_1\n"

/* The settings with a sound site "good" beside what stands in shop.site. */
static struct settings *load_beside(const char *shop, unsigned secrets)
{
	put("good.site", SITE_NAMED("good", ""));
	put("shop.site", shop);
	return load_secrets(MAIN, secrets);
}

static void assert_only_shop_is_broken(struct settings *settings, const char *text, const char *reason)
{
	if (settings == NULL || settings->n_sites != 1 || settings->n_broken != 1
	    || !settings_site_broken(settings, "shop") || settings_site(settings, "good") == NULL
	    || strstr(logged, reason) == NULL || strstr(logged, "event=\"site stopped\" site=shop") == NULL)
		fail_msg("expected \"%s\" for\n%s\nlogged: %s", reason, text, logged);
	assert_null(settings_site(settings, "shop"));
	assert_false(settings_site_broken(settings, "good"));
	settings_free(settings);
}

static void any_fault_of_its_file_breaks_a_site_and_no_other(void **state)
{
	static const struct {
		const char *text;
		const char *reason; /* with the place where that is known */
	} faults[] = {
		{ "\n" SITE("grace = x"), "file=./shop.site line=7 reason=\"site shop: grace: must" },
		{ SITE("orgin = x"), "file=./shop.site line=6 reason=\"no such option 'orgin'" },
		{ SITE("default_plan = x"), "file=./shop.site line=7 reason=\"site shop: default_plan: is not" },
		{ SITE("error_path = ${X}"), "file=./shop.site line=6 reason=\"${...} is not supported" },
		{ SITE("plan a { free = true"), "the brace that is opened here is not closed" },
		{ SITE("error_path = \"/a"), "a string is not closed" },
		{ SITE("}"), "file=./shop.site" },
		{ SITE("plan a { } plan b { free = true }"), "site shop: plan a: price: one of" },
		{ "site shop { }", "site shop: origin: is required" },
		{ SITE("") "site", "file=./shop.site" },
		{ "site \"shop\"", "premature end of file" },
		{ SITE("cancel_path = \"/other\""), "cancel_path: is set twice" },
		{ SITE("") REDIS, "redis: does not stand in a file of sites" },
		{ SITE("") "include(\"good.site\")", "include: does not stand in a file of sites" },
		{ "log_level = debug", "log_level: does not stand in a file of sites" },
		{ "gibberish", "file=./shop.site" },
		{ "/* nothing but", "a comment is not closed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		assert_only_shop_is_broken(load_beside(faults[i].text, 0), faults[i].text, faults[i].reason);
}

static void fault_of_a_secret_breaks_its_site_only(void **state)
{
	(void)state;
	put("short", "x");
	assert_only_shop_is_broken(load_beside(with_directory(SITE("identity_key_files = \"@/none\"")),
	    SECRET_IDENTITY), "a missing key", "line=7 reason=\"site shop: identity_key_files: ");
	assert_only_shop_is_broken(load_beside(with_directory(SITE("identity_key_files = \"@/short\"")),
	    SECRET_IDENTITY), "a short key", "shorter than 32 bytes");
	assert_only_shop_is_broken(load_beside(with_directory(SITE("redis_password_file = \"@/none\"")),
	    0), "a password", "site shop: redis_password_file: ");
	assert_only_shop_is_broken(load_secrets(with_directory(REDIS SITE_NAMED("good", "")
	    SITE("identity_key_files = \"@/none\"")), SECRET_IDENTITY), "in the main file", "No such file");
}

static void file_that_cannot_be_read_breaks_the_site_of_its_name(void **state)
{
	(void)state;
	put("good.site", SITE_NAMED("good", ""));
	assert_int_equal(mkdir("shop.site", 0700), 0);
	assert_only_shop_is_broken(load(MAIN), "a directory", "file=./shop.site reason=\"is not a regular file\"");
}

/* Nor does waiting for a writer, or reading without end, hold up the others. */
static void fifo_or_device_breaks_the_site_of_its_name(void **state)
{
	(void)state;
	put("good.site", SITE_NAMED("good", ""));
	assert_int_equal(mkfifo("shop.site", 0600), 0);
	assert_only_shop_is_broken(load(MAIN), "a FIFO", "file=./shop.site reason=\"is not a regular file\"");
	assert_int_equal(remove("shop.site"), 0);
	assert_int_equal(symlink("/dev/zero", "shop.site"), 0);
	assert_only_shop_is_broken(load(MAIN), "a device", "file=./shop.site reason=\"is not a regular file\"");
}

static void every_site_of_a_broken_file_is_broken(void **state)
{
	struct settings *settings = load_beside(SITE_NAMED("a", "") SITE_NAMED("b", "grace = x"), 0);

	(void)state;
	assert_non_null(settings);
	assert_int_equal(settings->n_broken, 2);
	assert_true(settings_site_broken(settings, "a") && settings_site_broken(settings, "b"));
	assert_false(settings_site_broken(settings, "shop"));
	settings_free(settings);
}

/* Which of two is right nobody can tell, and a wrong guess sends the money elsewhere. */
static void name_in_two_files_breaks_both(void **state)
{
	static const char *const seconds[] = { SITE(""), SITE("grace = x"), "site shop {" };

	(void)state;
	put("again.site", SITE(CONNECT));
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		struct settings *settings = load_beside(seconds[i], 0);

		assert_non_null(settings);
		assert_non_null(strstr(logged, "file=./again.site line=8 reason=\"site shop: another file defines it"));
		assert_int_equal(settings->n_sites, 1);
		assert_null(settings_site(settings, "shop"));
		assert_true(settings_site_broken(settings, "shop"));
		assert_false(settings_site_broken(settings, "good"));
		settings_free(settings);
	}
}

static void name_of_the_main_file_in_another_breaks_both(void **state)
{
	struct settings *settings;

	(void)state;
	put("other.site", SITE(""));
	settings = load(MAIN SITE("") SITE_NAMED("good", ""));
	assert_non_null(settings);
	assert_null(settings_site(settings, "shop"));
	assert_int_equal(settings->n_sites, 1);
	settings_free(settings);
}

/* With one left of two, a request that names none may mean the other. */
static void site_that_is_left_is_not_the_only_one(void **state)
{
	struct settings *settings = load_beside(SITE("grace = x"), 0);

	(void)state;
	assert_non_null(settings);
	assert_null(settings_site(settings, NULL));
	assert_null(settings_site(settings, ""));
	assert_true(settings_site_broken(settings, NULL) && settings_site_broken(settings, ""));
	assert_false(settings_site_broken(settings, "unknown"));
	settings_free(settings);
}

static void main_file_has_to_be_right_and_a_site_to_be_left(void **state)
{
	(void)state;
	put("good.site", SITE_NAMED("good", ""));
	assert_refused(MAIN SITE("grace = x"), "site shop: grace: must");
	assert_null(strstr(logged, "site stopped"));
	assert_refused(MAIN SITE("default_plan = x"), "site shop: default_plan: is not");
	assert_refused(MAIN "orgin = x", "no such option 'orgin'");
	put("good.site", SITE_NAMED("good", "grace = x"));
	assert_refused(MAIN, "there must be at least one that nothing is wrong with");
	assert_refused("include(\"*.none\")\n", "site: there must be at least one\"");
}

static void account_of_a_broken_site_is_known(void **state)
{
	static const char *const texts[] = {
		SITE(CONNECT "grace = x"), SITE(CONNECT "default_plan = x"), SITE(CONNECT "/* grace"),
		SITE("stripe_account=\"acct_1\" plan a {"), "site 'shop' { stripe_account = 'acct_1'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct settings *settings = load_beside(texts[i], 0);

		assert_non_null(settings);
		assert_true(settings_site_broken(settings, "shop"));
		assert_true(settings_account_broken(settings, "acct_1"));
		assert_false(settings_account_broken(settings, "acct_2"));
		assert_false(settings_account_broken(settings, NULL));
		settings_free(settings);
	}
}

static void file_with_a_site_may_be_included_by_its_name(void **state)
{
	struct settings *settings;

	(void)state;
	put("shop.conf", SITE("grace = x"));
	settings = load(REDIS "include(\"shop.conf\")\n" SITE_NAMED("good", ""));
	assert_only_shop_is_broken(settings, "by name", "file=./shop.conf line=6 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(any_fault_of_its_file_breaks_a_site_and_no_other),
		SETTINGS_TEST(fault_of_a_secret_breaks_its_site_only),
		SETTINGS_TEST(file_that_cannot_be_read_breaks_the_site_of_its_name),
		SETTINGS_TEST(fifo_or_device_breaks_the_site_of_its_name),
		SETTINGS_TEST(every_site_of_a_broken_file_is_broken),
		SETTINGS_TEST(name_in_two_files_breaks_both),
		SETTINGS_TEST(name_of_the_main_file_in_another_breaks_both),
		SETTINGS_TEST(site_that_is_left_is_not_the_only_one),
		SETTINGS_TEST(main_file_has_to_be_right_and_a_site_to_be_left),
		SETTINGS_TEST(account_of_a_broken_site_is_known),
		SETTINGS_TEST(file_with_a_site_may_be_included_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
