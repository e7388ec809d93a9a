/* Private to settings*.c: what may stand in tollgate.conf, as tables. */
#ifndef TOLLGATE_SETTINGS_KEYS_H
#define TOLLGATE_SETTINGS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

/* A site that is being loaded, with what its file says and nobody needs later. */
struct site_source {
	struct site site;
	bool broken;     /* something is wrong with it, and was logged */
	char *title;     /* its name, valid or not */
	char *file;      /* where the site stands; for messages */
	int line;
	char *default_plan;
	char *redis_password_file;
	char *stripe_secret_key_file;
	char *checkout_key_file, *session_key_file, *portal_key_file;
	char *subscription_key_file, *sync_key_file;
	char *notify_secret_file;
	struct words webhook_secret_files;
	struct words identity_key_files;
};

struct settings_source {
	char *redis;     /* for sites that name none of their own */
	char *redis_user;
	char *redis_password_file;
	struct site_source *sites;
	size_t n_sites;
};

enum key_shape {
	KEY_VALUE,       /* one value, in a member of its own */
	KEY_REQUIRED,    /* the same, and it must be there */
	KEY_WORD,        /* one value, added to a struct words */
	KEY_WORDS,       /* a list, added to a struct words */
};

struct choice {
	const char *name;
	int value;
};

enum format_kind {
	FORMAT_TEXT,         /* char *, or a word of a struct words */
	FORMAT_CHOICE,       /* an enum */
	FORMAT_BOOL,
	FORMAT_INT,
	FORMAT_INT64,
	FORMAT_SECONDS,      /* int64_t from a duration */
	FORMAT_MILLISECONDS, /* int64_t from a duration */
	FORMAT_LIMIT,        /* struct limit; min and max are of its duration, in milliseconds */
};

/* How a value is written. */
struct format {
	enum format_kind kind;
	const char *pattern;            /* FORMAT_TEXT: POSIX extended */
	bool (*also)(const char *text); /* FORMAT_TEXT: what a pattern cannot say, or NULL */
	const struct choice *choices;   /* ends with a NULL name */
	int64_t min, max;               /* numbers and durations, as they are stored */
	const char *must;               /* completes "KEY: " */
};

struct key {
	const char *name;
	enum key_shape shape;
	const struct format *format;
	size_t offset;
};

/* Each ends with a NULL name; offsets are into the struct named behind it. */
extern const struct key root_keys[];        /* struct settings */
extern const struct key root_source_keys[]; /* struct settings_source */
extern const struct key site_keys[];        /* struct site */
extern const struct key site_source_keys[]; /* struct site_source */
extern const struct key plan_keys[];        /* struct plan */

extern const struct settings settings_defaults;
extern const struct site site_defaults;
extern const struct plan plan_defaults;

/* NULL, or why the value is refused; the value is in no message, since it may
 * be a secret that got into the wrong key. */
const char *key_check(const struct key *key, const char *text);
/* Puts a value that key_check has passed into its member of `object`. False
 * when out of memory. */
bool key_store(const struct key *key, const char *text, void *object);
/* Patterns are compiled once for all sites; frees them. */
void key_patterns_free(void);
/* Frees what key_store put there. */
void keys_free(const struct key *keys, void *object);

/* The titles of the sections. */
extern const struct key site_name_key;
extern const struct key plan_name_key;

#endif
