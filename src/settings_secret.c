#include "settings_load.h"

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

static void fault(const struct site_source *source, const char *key, const char *reason)
{
	settings_fault(source->file, source->line, "site %s: %s: %s", source->title, key, reason);
}

/* Whatever stood in *secret before is wiped. */
static bool open_secret(const struct site_source *source, const char *key, const char *path,
    struct secret *secret)
{
	struct problem problem;

	secret_free(secret);
	if (secret_read(path, secret, &problem) == RESULT_OK)
		return true;
	fault(source, key, problem.message);
	return false;
}

static void check_stripe_key(const struct site_source *source, const char *key)
{
	const char *text = source->site.stripe_key.text;
	int livemode = source->site.livemode;
	int live;

	if (strncmp(text, "sk_", 3) != 0 && strncmp(text, "rk_", 3) != 0) {
		fault(source, key, "the file holds no Stripe secret or restricted key (sk_, rk_)");
		return;
	}
	live = strncmp(text + 3, "live_", 5) == 0;
	if (!live && strncmp(text + 3, "test_", 5) != 0)
		fault(source, key, "the key is neither a test nor a live one");
	else if (livemode != -1 && livemode != live)
		fault(source, key, "one of it and stripe_publishable_key is for test, the other live");
}

static void open_stripe_key(struct site_source *source, const char *key, const char *path)
{
	if (open_secret(source, key, path, &source->site.stripe_key))
		check_stripe_key(source, key);
}

/* However many programs share the common key, what is wrong with it is told once. */
static void open_stripe_keys(struct site_source *source, unsigned secrets)
{
	bool common = false;

	for (size_t i = 0; i < sizeof(stripe_keys) / sizeof(stripe_keys[0]); i++) {
		const struct stripe_key *wanted = &stripe_keys[i];
		const char *own = *(char *const *)(const void *)((const char *)source + wanted->offset);

		if ((secrets & wanted->secret) == 0)
			continue;
		if (own != NULL)
			open_stripe_key(source, wanted->key, own);
		else if (source->stripe_secret_key_file != NULL)
			common = true;
		else
			fault(source, wanted->key, "is required, or stripe_secret_key_file");
	}
	if (common)
		open_stripe_key(source, "stripe_secret_key_file", source->stripe_secret_key_file);
}

static void open_list(const struct site_source *source, const char *key, const struct words *paths,
    struct secret **secrets, size_t *n_secrets)
{
	if (paths->count == 0)
		return;
	*secrets = calloc(paths->count, sizeof(**secrets));
	if (*secrets == NULL) {
		fault(source, key, "out of memory");
		return;
	}
	for (; *n_secrets < paths->count; ++*n_secrets) {
		if (!open_secret(source, key, paths->word[*n_secrets], &(*secrets)[*n_secrets]))
			return;
	}
}

static void open_webhook_secrets(struct site_source *source)
{
	static const char key[] = "webhook_secret_files";
	struct site *site = &source->site;

	if (source->webhook_secret_files.count == 0)
		fault(source, key, "is required");
	open_list(source, key, &source->webhook_secret_files, &site->webhook_secrets,
	    &site->n_webhook_secrets);
	for (size_t i = 0; i < site->n_webhook_secrets; i++) {
		if (strncmp(site->webhook_secrets[i].text, "whsec_", 6) != 0)
			fault(source, key, "a file holds no signing secret (whsec_)");
	}
}

static void open_identity_keys(struct site_source *source)
{
	static const char key[] = "identity_key_files";
	struct site *site = &source->site;

	open_list(source, key, &source->identity_key_files, &site->identity_keys,
	    &site->n_identity_keys);
	for (size_t i = 0; i < site->n_identity_keys; i++) {
		if (site->identity_keys[i].length < IDENTITY_KEY_MIN)
			fault(source, key, "a key is shorter than 32 bytes");
	}
}

static void open_notify_secret(struct site_source *source)
{
	static const char key[] = "notify_secret_file";
	struct secret *secret = &source->site.notify_secret;

	if (source->notify_secret_file != NULL
	    && open_secret(source, key, source->notify_secret_file, secret)
	    && !webhook_secret_valid(secret))
		fault(source, key, "the file holds neither whsec_ and base64 nor 24 bytes or more");
}

void settings_secrets_open(struct site_source *source, unsigned secrets)
{
	open_stripe_keys(source, secrets);
	if ((secrets & SECRET_WEBHOOK) != 0)
		open_webhook_secrets(source);
	if ((secrets & SECRET_IDENTITY) != 0)
		open_identity_keys(source);
	if ((secrets & SECRET_NOTIFY) != 0)
		open_notify_secret(source);
	if (source->redis_password_file != NULL)
		open_secret(source, "redis_password_file", source->redis_password_file,
		    &source->site.redis.password);
}
