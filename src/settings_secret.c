#include "settings_keys.h"

#include <stdlib.h>
#include <string.h>

#include "webhook_signature.h"

#define IDENTITY_KEY_MIN 32 /* RFC 7518, section 3.2 */

static const struct stripe_key {
	unsigned secret;
	const char *key;
	size_t offset; /* in struct site_source */
} stripe_keys[] = {
	{ SECRET_CHECKOUT_KEY, "checkout_key_file", offsetof(struct site_source, checkout_key_file) },
	{ SECRET_SESSION_KEY, "session_key_file", offsetof(struct site_source, session_key_file) },
	{ SECRET_PORTAL_KEY, "portal_key_file", offsetof(struct site_source, portal_key_file) },
	{ SECRET_SUBSCRIPTION_KEY, "subscription_key_file",
	    offsetof(struct site_source, subscription_key_file) },
	{ SECRET_SYNC_KEY, "sync_key_file", offsetof(struct site_source, sync_key_file) },
};

/* What is opened for one site, and where its faults are. */
struct opening {
	struct site *site;
	const struct site_source *source;
	unsigned secrets;
};

static void fault(const struct opening *opening, const char *key, const char *reason)
{
	settings_fault(opening->source->file, opening->source->line, "site %s: %s: %s",
	    opening->site->name, key, reason);
}

/* Whatever stood in *secret before is wiped. */
static bool open_secret(const struct opening *opening, const char *key, const char *path,
    struct secret *secret)
{
	struct problem problem;

	secret_free(secret);
	if (secret_read(path, secret, &problem) == RESULT_OK)
		return true;
	fault(opening, key, problem.message);
	return false;
}

static void check_stripe_key(const struct opening *opening, const char *key)
{
	const char *text = opening->site->stripe_key.text;
	int livemode = opening->site->livemode;
	int live;

	if (strncmp(text, "sk_", 3) != 0 && strncmp(text, "rk_", 3) != 0) {
		fault(opening, key, "the file holds no Stripe secret or restricted key (sk_, rk_)");
		return;
	}
	live = strncmp(text + 3, "live_", 5) == 0;
	if (!live && strncmp(text + 3, "test_", 5) != 0)
		fault(opening, key, "the key is neither a test nor a live one");
	else if (livemode != -1 && livemode != live)
		fault(opening, key, "one of it and stripe_publishable_key is for test, the other live");
}

static void open_stripe_key(const struct opening *opening, const struct stripe_key *wanted)
{
	const char *own = *(char *const *)(const void *)((const char *)opening->source + wanted->offset);
	const char *path = own != NULL ? own : opening->source->stripe_secret_key_file;
	const char *key = own != NULL ? wanted->key : "stripe_secret_key_file";

	if (path == NULL)
		fault(opening, wanted->key, "is required, or stripe_secret_key_file");
	else if (open_secret(opening, key, path, &opening->site->stripe_key))
		check_stripe_key(opening, key);
}

static void open_list(const struct opening *opening, const char *key, const struct words *paths,
    struct secret **secrets, size_t *n_secrets)
{
	if (paths->count == 0)
		return;
	*secrets = calloc(paths->count, sizeof(**secrets));
	if (*secrets == NULL) {
		fault(opening, key, "out of memory");
		return;
	}
	for (; *n_secrets < paths->count; ++*n_secrets) {
		if (!open_secret(opening, key, paths->word[*n_secrets], &(*secrets)[*n_secrets]))
			return;
	}
}

static void open_webhook_secrets(const struct opening *opening)
{
	static const char key[] = "webhook_secret_files";
	struct site *site = opening->site;

	if (opening->source->webhook_secret_files.count == 0)
		fault(opening, key, "is required");
	open_list(opening, key, &opening->source->webhook_secret_files, &site->webhook_secrets,
	    &site->n_webhook_secrets);
	for (size_t i = 0; i < site->n_webhook_secrets; i++) {
		if (strncmp(site->webhook_secrets[i].text, "whsec_", 6) != 0)
			fault(opening, key, "a file holds no signing secret (whsec_)");
	}
}

static void open_identity_keys(const struct opening *opening)
{
	static const char key[] = "identity_key_files";
	struct site *site = opening->site;

	open_list(opening, key, &opening->source->identity_key_files, &site->identity_keys,
	    &site->n_identity_keys);
	for (size_t i = 0; i < site->n_identity_keys; i++) {
		if (site->identity_keys[i].length < IDENTITY_KEY_MIN)
			fault(opening, key, "a key is shorter than 32 bytes");
	}
}

static void open_notify_secret(const struct opening *opening)
{
	static const char key[] = "notify_secret_file";
	struct secret *secret = &opening->site->notify_secret;

	if (opening->source->notify_secret_file != NULL
	    && open_secret(opening, key, opening->source->notify_secret_file, secret)
	    && !webhook_secret_valid(secret))
		fault(opening, key, "the file holds neither whsec_ and base64 nor 24 bytes or more");
}

static void open_site(const struct opening *opening)
{
	for (size_t i = 0; i < sizeof(stripe_keys) / sizeof(stripe_keys[0]); i++) {
		if ((opening->secrets & stripe_keys[i].secret) != 0)
			open_stripe_key(opening, &stripe_keys[i]);
	}
	if ((opening->secrets & SECRET_WEBHOOK) != 0)
		open_webhook_secrets(opening);
	if ((opening->secrets & SECRET_IDENTITY) != 0)
		open_identity_keys(opening);
	if ((opening->secrets & SECRET_NOTIFY) != 0)
		open_notify_secret(opening);
	if (opening->source->redis_password_file != NULL)
		open_secret(opening, "redis_password_file", opening->source->redis_password_file,
		    &opening->site->redis.password);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_redis(const struct redis_settings *a, const struct redis_settings *b)
{
	return same_text(a->url, b->url) && same_text(a->user, b->user)
	    && same_text(a->password.text, b->password.text);
}

/* Sites with the same server and login share its connections. */
static void share_redis(struct settings *settings, struct site *site)
{
	size_t i = 0;

	while (i < settings->n_redis && !same_redis(settings->redis[i], &site->redis))
		i++;
	if (i == settings->n_redis)
		settings->redis[settings->n_redis++] = &site->redis;
	site->redis_index = i;
}

void settings_secrets_open(struct settings *settings, const struct settings_source *source,
    unsigned secrets)
{
	for (size_t i = 0; i < settings->n_sites; i++) {
		const struct opening opening = { &settings->sites[i], &source->sites[i], secrets };

		open_site(&opening);
		share_redis(settings, &settings->sites[i]);
	}
}
