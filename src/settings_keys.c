#include "settings_keys.h"

#include <string.h>

#include "http_client.h"

#define DAY 86400

static const struct choice log_levels[] = {
	{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG }, { NULL, 0 },
};
/* The later names are those of older API versions; front ends still know them. */
static const struct choice ui_modes[] = {
	{ "hosted_page", UI_HOSTED_PAGE }, { "embedded_page", UI_EMBEDDED_PAGE },
	{ "elements", UI_ELEMENTS }, { "hosted", UI_HOSTED_PAGE },
	{ "embedded", UI_EMBEDDED_PAGE }, { "custom", UI_ELEMENTS }, { NULL, 0 },
};
static const struct choice processings[] = {
	{ "allow", PROCESSING_ALLOW }, { "wait", PROCESSING_WAIT }, { NULL, 0 },
};
static const struct choice store_failures[] = {
	{ "deny", STORE_FAILURE_DENY }, { "allow", STORE_FAILURE_ALLOW }, { NULL, 0 },
};
static const struct choice trial_ends[] = {
	{ "pause", TRIAL_END_PAUSE }, { "cancel", TRIAL_END_CANCEL }, { NULL, 0 },
};
static const struct choice truths[] = {
	{ "true", true }, { "false", false }, { "yes", true }, { "no", false },
	{ "on", true }, { "off", false }, { NULL, 0 },
};

/* A browser's Origin header never names the scheme's own port (RFC 6454, 6.2). */
static bool origin_as_sent(const char *origin)
{
	const char *colon = strrchr(origin, ':');
	const char *own_port = strncmp(origin, "https:", 6) == 0 ? ":443" : ":80";

	return strcmp(colon, own_port) != 0 && http_url_allowed(origin);
}

static bool names_session(const char *path)
{
	return strstr(path, "{CHECKOUT_SESSION_ID}") != NULL;
}

#define PATH_PATTERN "^/([^/[:space:]\\][^[:space:]\\]*)?$"
#define LOOKUP_KEY_PATTERN "^.{1,200}$"

static const struct format site_name = {
	.pattern = "^[a-z0-9][a-z0-9.-]{0,62}$",
	.must = "must be lower-case letters, digits, dots and hyphens, at most 63" };
static const struct format plan_name = {
	.pattern = "^[A-Za-z0-9_-]{1,64}$",
	.must = "must be letters, digits, hyphens and underscores, at most 64" };
static const struct format text = {
	.pattern = "^.+$", .must = "must not be empty" };
static const struct format word = {
	.pattern = "^[^[:space:]]+$", .must = "must be one word" };
static const struct format secret_file = {
	.pattern = "^/.+$", .must = "must be the absolute path of a file that holds the secret" };
#ifdef HAVE_HIREDIS_SSL
#define REDIS_TCP "(tcp|rediss)"
#define REDIS_TLS "rediss://HOST:PORT/DB with TLS"
#else
#define REDIS_TCP "tcp"
#define REDIS_TLS "this build has no rediss://, for want of a hiredis with TLS: use a local proxy"
#endif
static const struct format redis = {
	.pattern = "^(unix:/.+|" REDIS_TCP "://[^/[:space:]]+:[0-9]{1,5}(/[0-9]{1,4})?"
	    "|sentinel://[^/[:space:]]+/[^/[:space:]]+(/[0-9]{1,4})?)$",
	.must = "must be unix:/PATH, tcp://HOST:PORT/DB or sentinel://HOST,HOST/MASTER/DB; "
	    REDIS_TLS };
static const struct format api_base = {
	.pattern = "^https?://[^/[:space:]]+$", .also = http_url_allowed,
	.must = "must be an https URL (http to loopback only) without a path" };
static const struct format origin = {
	.pattern = "^https?://([a-z0-9.-]+|\\[[0-9a-f:]+\\])(:[0-9]{1,5})?$", .also = origin_as_sent,
	.must = "must be as browsers send it: https://HOST[:PORT] in lower case without a path"
	    " (http on loopback only)" };
static const struct format url = {
	.pattern = "^https?://[^[:space:]]+$", .also = http_url_allowed,
	.must = "must be an https URL (http to loopback only)" };
static const struct format path = {
	.pattern = PATH_PATTERN,
	.must = "must be a path on the site's own origin: one slash first, no backslash, no space" };
static const struct format success_path = {
	.pattern = PATH_PATTERN, .also = names_session,
	.must = "must be a path on the site's own origin with {CHECKOUT_SESSION_ID} in it" };
static const struct format publishable_key = {
	.pattern = "^pk_(test|live)_[A-Za-z0-9_]+$", .must = "must begin with pk_test_ or pk_live_" };
static const struct format account = {
	.pattern = "^acct_[A-Za-z0-9_]+$", .must = "must be an account id, acct_..." };
static const struct format address_collection = {
	.pattern = "^(auto|required)$", .must = "must be \"auto\" or \"required\"" };
static const struct format price = {
	.pattern = "^price_[A-Za-z0-9_]+$", .must = "must be a price id, price_..." };
static const struct format product = {
	.pattern = "^prod_[A-Za-z0-9_]+$", .must = "must be a product id, prod_..." };
static const struct format lookup_key = {
	.pattern = LOOKUP_KEY_PATTERN, .must = "must be a lookup key of at most 200 bytes" };
/* The gate lists features with commas and takes requirements apart at spaces. */
static const struct format feature = {
	.pattern = "^[^[:space:],]{1,200}$", .must = "must be a lookup key without spaces and commas" };
static const struct format currency = {
	.pattern = "^[a-z]{3}$", .must = "must be three lower-case letters" };
static const struct format truth = {
	.kind = FORMAT_BOOL, .choices = truths, .must = "must be true or false" };
static const struct format log_level = {
	.kind = FORMAT_CHOICE, .choices = log_levels,
	.must = "must be \"error\", \"warning\", \"info\" or \"debug\"" };
static const struct format ui_mode = {
	.kind = FORMAT_CHOICE, .choices = ui_modes,
	.must = "must be \"hosted_page\", \"embedded_page\" or \"elements\"" };
static const struct format processing = {
	.kind = FORMAT_CHOICE, .choices = processings, .must = "must be \"allow\" or \"wait\"" };
static const struct format store_failure = {
	.kind = FORMAT_CHOICE, .choices = store_failures, .must = "must be \"deny\" or \"allow\"" };
static const struct format trial_end = {
	.kind = FORMAT_CHOICE, .choices = trial_ends, .must = "must be \"pause\" or \"cancel\"" };
static const struct format grace = {
	.kind = FORMAT_SECONDS, .min = 0, .max = 365 * DAY,
	.must = "must be a duration such as 90s, 10m, 2h or 2d, at most 365d" };
static const struct format cold_wait = {
	.kind = FORMAT_MILLISECONDS, .min = 0, .max = 30000,
	.must = "must be a duration such as 500ms or 2s, at most 30s" };
static const struct format stripe_timeout = {
	.kind = FORMAT_MILLISECONDS, .min = 1000, .max = 120000,
	.must = "must be a duration from 1s to 120s" };
static const struct format rate = {
	.kind = FORMAT_INT, .min = 1, .max = 1000, .must = "must be a number from 1 to 1000" };
static const struct format limit = {
	.kind = FORMAT_LIMIT, .min = 1000, .max = DAY * 1000,
	.must = "must be NUMBER/DURATION such as 30/10m, at most a day, or \"off\"" };
static const struct format days = {
	.kind = FORMAT_INT, .min = 0, .max = 730, .must = "must be a number of days, at most 730" };
static const struct format quantity = {
	.kind = FORMAT_INT64, .min = 1, .max = 999999, .must = "must be a number from 1 to 999999" };

const struct settings settings_defaults = {
	.stripe_timeout_ms = 25000,
	.log_level = LOG_LEVEL_INFO,
};

const struct site site_defaults = {
	.livemode = -1,
	.ui_mode = UI_HOSTED_PAGE,
	.grace = 2 * DAY,
	.past_due_grace = 7 * DAY,
	.cold_wait_ms = 2000,
	.processing = PROCESSING_ALLOW,
	.on_store_failure = STORE_FAILURE_DENY,
	.creation_limit = { .count = 30, .window_ms = 600000 },
	.stripe_rate = 20,
	.one_trial_per_customer = true,
};

const struct plan plan_defaults = {
	.trial_end = TRIAL_END_PAUSE,
	.quantity_max = 1,
};

#define AT(type, member) offsetof(struct type, member)

const struct key root_keys[] = {
	{ "stripe_api_base", KEY_VALUE, &api_base, AT(settings, stripe_api_base) },
	{ "stripe_timeout", KEY_VALUE, &stripe_timeout, AT(settings, stripe_timeout_ms) },
	{ "log_level", KEY_VALUE, &log_level, AT(settings, log_level) },
	{ NULL, KEY_VALUE, NULL, 0 },
};

const struct key root_source_keys[] = {
	{ "redis", KEY_VALUE, &redis, AT(settings_source, redis) },
	{ "redis_user", KEY_VALUE, &word, AT(settings_source, redis_user) },
	{ "redis_password_file", KEY_VALUE, &secret_file, AT(settings_source, redis_password_file) },
	{ NULL, KEY_VALUE, NULL, 0 },
};

const struct key site_keys[] = {
	{ "origin", KEY_REQUIRED, &origin, AT(site, origin) },
	{ "redis", KEY_VALUE, &redis, AT(site, redis.url) },
	{ "redis_user", KEY_VALUE, &word, AT(site, redis.user) },
	{ "stripe_publishable_key", KEY_VALUE, &publishable_key, AT(site, stripe_publishable_key) },
	{ "stripe_account", KEY_VALUE, &account, AT(site, stripe_account) },
	{ "success_path", KEY_REQUIRED, &success_path, AT(site, success_path) },
	{ "cancel_path", KEY_REQUIRED, &path, AT(site, cancel_path) },
	{ "portal_return_path", KEY_REQUIRED, &path, AT(site, portal_return_path) },
	{ "error_path", KEY_VALUE, &path, AT(site, error_path) },
	{ "ui_mode", KEY_VALUE, &ui_mode, AT(site, ui_mode) },
	{ "allow_promotion_codes", KEY_VALUE, &truth, AT(site, allow_promotion_codes) },
	{ "automatic_tax", KEY_VALUE, &truth, AT(site, automatic_tax) },
	{ "billing_address_collection", KEY_VALUE, &address_collection,
	    AT(site, billing_address_collection) },
	{ "submit_text", KEY_VALUE, &text, AT(site, submit_text) },
	{ "terms_text", KEY_VALUE, &text, AT(site, terms_text) },
	{ "grace", KEY_VALUE, &grace, AT(site, grace) },
	{ "past_due_grace", KEY_VALUE, &grace, AT(site, past_due_grace) },
	{ "cold_wait", KEY_VALUE, &cold_wait, AT(site, cold_wait_ms) },
	{ "processing", KEY_VALUE, &processing, AT(site, processing) },
	{ "on_store_failure", KEY_VALUE, &store_failure, AT(site, on_store_failure) },
	{ "finalize_invoices", KEY_VALUE, &truth, AT(site, finalize_invoices) },
	{ "allow_pause", KEY_VALUE, &truth, AT(site, allow_pause) },
	{ "one_trial_per_customer", KEY_VALUE, &truth, AT(site, one_trial_per_customer) },
	{ "creation_limit", KEY_VALUE, &limit, AT(site, creation_limit) },
	{ "stripe_rate", KEY_VALUE, &rate, AT(site, stripe_rate) },
	{ "notify_url", KEY_VALUE, &url, AT(site, notify_url) },
	{ NULL, KEY_VALUE, NULL, 0 },
};

const struct key site_source_keys[] = {
	{ "default_plan", KEY_VALUE, &text, AT(site_source, default_plan) },
	{ "redis_password_file", KEY_VALUE, &secret_file, AT(site_source, redis_password_file) },
	{ "stripe_secret_key_file", KEY_VALUE, &secret_file, AT(site_source, stripe_secret_key_file) },
	{ "checkout_key_file", KEY_VALUE, &secret_file, AT(site_source, checkout_key_file) },
	{ "session_key_file", KEY_VALUE, &secret_file, AT(site_source, session_key_file) },
	{ "portal_key_file", KEY_VALUE, &secret_file, AT(site_source, portal_key_file) },
	{ "subscription_key_file", KEY_VALUE, &secret_file, AT(site_source, subscription_key_file) },
	{ "sync_key_file", KEY_VALUE, &secret_file, AT(site_source, sync_key_file) },
	{ "notify_secret_file", KEY_VALUE, &secret_file, AT(site_source, notify_secret_file) },
	{ "webhook_secret_files", KEY_WORDS, &secret_file, AT(site_source, webhook_secret_files) },
	{ "identity_key_files", KEY_WORDS, &secret_file, AT(site_source, identity_key_files) },
	{ NULL, KEY_VALUE, NULL, 0 },
};

const struct key plan_keys[] = {
	{ "price", KEY_WORD, &price, AT(plan, prices) },
	{ "prices", KEY_WORDS, &price, AT(plan, prices) },
	{ "lookup_key", KEY_WORD, &lookup_key, AT(plan, lookup_keys) },
	{ "lookup_keys", KEY_WORDS, &lookup_key, AT(plan, lookup_keys) },
	{ "product", KEY_VALUE, &product, AT(plan, product) },
	{ "setup_lookup_key", KEY_VALUE, &lookup_key, AT(plan, setup_lookup_key) },
	{ "features", KEY_WORDS, &feature, AT(plan, features) },
	{ "currency", KEY_VALUE, &currency, AT(plan, currency) },
	{ "free", KEY_VALUE, &truth, AT(plan, free) },
	{ "trial_days", KEY_VALUE, &days, AT(plan, trial_days) },
	{ "trial_without_card", KEY_VALUE, &truth, AT(plan, trial_without_card) },
	{ "trial_end", KEY_VALUE, &trial_end, AT(plan, trial_end) },
	{ "quantity_max", KEY_VALUE, &quantity, AT(plan, quantity_max) },
	{ NULL, KEY_VALUE, NULL, 0 },
};

const struct key site_name_key = { "name", KEY_REQUIRED, &site_name, AT(site, name) };
const struct key plan_name_key = { "name", KEY_REQUIRED, &plan_name, AT(plan, name) };
