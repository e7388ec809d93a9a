/* tollgate.conf(5), parsed and checked. Read-only once loaded; shared by all threads. */
#ifndef TOLLGATE_SETTINGS_H
#define TOLLGATE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "secret.h"

/* Which secrets a program opens. Only one of the Stripe keys at a time; each
 * falls back to stripe_secret_key_file. */
enum settings_secret {
	SECRET_CHECKOUT_KEY     = 1 << 0,
	SECRET_SESSION_KEY      = 1 << 1,
	SECRET_PORTAL_KEY       = 1 << 2,
	SECRET_SUBSCRIPTION_KEY = 1 << 3,
	SECRET_SYNC_KEY         = 1 << 4,
	SECRET_WEBHOOK          = 1 << 5,
	SECRET_IDENTITY         = 1 << 6,
	SECRET_NOTIFY           = 1 << 7,
	SECRET_ALL              = 0xff, /* tollgate check: opens each, keeps the last key */
};

enum ui_mode { UI_HOSTED_PAGE, UI_EMBEDDED_PAGE, UI_ELEMENTS };
enum trial_end { TRIAL_END_PAUSE, TRIAL_END_CANCEL };
enum processing { PROCESSING_ALLOW, PROCESSING_WAIT };
enum store_failure { STORE_FAILURE_DENY, STORE_FAILURE_ALLOW };

/* A list of words, owned by the settings. */
struct words {
	char **word;
	size_t count;
};

/* False for the word "", which is how an item says that it has none. */
bool words_include(const struct words *words, const char *word);

/* So many within so long; count 0 = without a limit. */
struct limit {
	int64_t count;
	int64_t window_ms;
};

struct plan {
	char *name;
	struct words prices;       /* price and prices */
	struct words lookup_keys;  /* lookup_key and lookup_keys */
	char *product;             /* NULL = found through Stripe */
	char *setup_lookup_key;    /* one-time price of a set-up fee, or NULL */
	struct words features;     /* entitlement lookup keys */
	char *currency;            /* ISO 4217, lower case, or NULL */
	bool free;
	int trial_days;            /* 0 = no trial */
	bool trial_without_card;
	enum trial_end trial_end;
	int64_t quantity_max;      /* default 1 */
};

struct redis_settings {
	char *url;                 /* unix:PATH, tcp://host:port/db, sentinel://h1,h2/master */
	char *user;                /* ACL user, or NULL */
	struct secret password;    /* text NULL = none */
};

struct site {
	char *name;
	char *origin;              /* scheme://host[:port], no slash at the end */
	bool loopback_http;        /* origin is http on loopback: the cookie has no __Host- prefix */
	struct redis_settings redis;
	size_t redis_index;        /* sites with the same Redis share a connection: index into settings.redis */

	struct secret stripe_key;  /* the one this program asked for */
	char *stripe_publishable_key;
	char *stripe_account;      /* Connect, or NULL */
	int livemode;              /* 1 or 0 by the publishable key's prefix, -1 = not known */
	struct secret *webhook_secrets;
	size_t n_webhook_secrets;
	struct secret *identity_keys;
	size_t n_identity_keys;

	char *success_path;        /* has {CHECKOUT_SESSION_ID} */
	char *cancel_path;
	char *portal_return_path;
	char *error_path;          /* or NULL */
	enum ui_mode ui_mode;
	bool allow_promotion_codes;
	bool automatic_tax;
	char *billing_address_collection; /* "auto", "required" or NULL */
	char *submit_text;         /* or NULL */
	char *terms_text;          /* or NULL */

	int64_t grace;             /* seconds */
	int64_t past_due_grace;    /* seconds */
	int64_t cold_wait_ms;
	enum processing processing;
	enum store_failure on_store_failure;
	bool finalize_invoices;
	bool allow_pause;
	bool one_trial_per_customer;
	struct limit creation_limit; /* of each user */
	int stripe_rate;           /* Stripe calls per second for sync */
	char *notify_url;          /* or NULL */
	struct secret notify_secret;

	struct plan *plans;
	size_t n_plans;
	const struct plan *default_plan; /* or NULL */
};

/* One that is configured, but not rightly, so that it is not served. */
struct broken_site {
	char *name;                /* as it stands in the file, or the file's own name */
	char *account;             /* stripe_account, NULL = none that could be read */
};

struct settings {
	char *stripe_api_base;
	int64_t stripe_timeout_ms; /* for one request of ours, tries included; default 25 s */
	enum log_level log_level;
	struct site *sites;        /* by name */
	size_t n_sites;
	struct broken_site *broken; /* by name */
	size_t n_broken;
	const struct redis_settings **redis; /* the distinct ones; pointers into sites */
	size_t n_redis;
};

/* Reads `path` and what it includes, checks everything, opens the secrets in
 * the mask `secrets`. Every fault is logged with file, line and key. One in a
 * file with sites that was included, or in a secret, breaks the sites concerned
 * and no other; NULL after one in `path` itself, and when no site is left. The
 * caller's; end with settings_free, which wipes secrets. Not for two threads. */
struct settings *settings_load(const char *path, unsigned secrets);
void settings_free(struct settings *settings);

/* `name` NULL or "": the only site if there is one, and none is broken. NULL
 * when there is none such. */
const struct site *settings_site(const struct settings *settings, const char *name);
/* When there is none such: because it is broken, or without a name might be. */
bool settings_site_broken(const struct settings *settings, const char *name);
/* A Connect account, that of a broken site. */
bool settings_account_broken(const struct settings *settings, const char *account);
const struct plan *site_plan(const struct site *site, const char *name);

#endif
