/* A directory with a tollgate.conf, and what is logged when it is loaded. */
#ifndef TOLLGATE_SETTINGS_FIXTURE_H
#define TOLLGATE_SETTINGS_FIXTURE_H

#include "settings.h"

/* What a site needs; `more` stands within it. */
#define SITE_NAMED(name, more) \
	"site \"" name "\" {\n" \
	"  origin = \"https://shop.example\"\n" \
	"  success_path = \"/return?session_id={CHECKOUT_SESSION_ID}\"\n" \
	"  cancel_path = \"/pricing\"\n" \
	"  portal_return_path = \"/account\"\n" \
	more "\n}\n"
#define SITE(more) SITE_NAMED("shop", more)
#define REDIS "redis = \"unix:/run/redis.sock\"\n"
#define KEY32 "0123456789abcdef0123456789abcdef"

/* The test's directory, which is also the working one. */
extern char directory[64];
/* What the latest load wrote to standard error. */
extern char logged[16384];

int enter_directory(void **state);
int remove_directory(void **state);
#define SETTINGS_TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, remove_directory)

/* A file that only its owner may read. */
void put(const char *name, const char *text);
/* The settings of this text as tollgate.conf, to be freed, or NULL. */
struct settings *load_secrets(const char *text, unsigned secrets);
struct settings *load(const char *text);
void assert_refused_with(const char *text, unsigned secrets, const char *reason);
void assert_refused(const char *text, const char *reason);
/* The text with the test's directory for each @, until the next call. */
char *with_directory(const char *format);

#endif
