#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "settings_load.h"

static void secrets_free(struct secret *secrets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		secret_free(&secrets[i]);
	free(secrets);
}

static void site_free(struct site *site)
{
	for (size_t i = 0; i < site->n_plans; i++) {
		keys_free(plan_keys, &site->plans[i]);
		free(site->plans[i].name);
	}
	free(site->plans);
	secrets_free(site->webhook_secrets, site->n_webhook_secrets);
	secrets_free(site->identity_keys, site->n_identity_keys);
	secret_free(&site->redis.password);
	secret_free(&site->stripe_key);
	secret_free(&site->notify_secret);
	keys_free(site_keys, site);
	free(site->name);
}

static void source_free(struct settings_source *source)
{
	for (size_t i = 0; i < source->n_sites; i++) {
		struct site_source *site = &source->sites[i];

		keys_free(site_source_keys, site);
		site_free(&site->site);
		free(site->title);
		free(site->file);
	}
	free(source->sites);
	keys_free(root_source_keys, source);
}

void settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; i < settings->n_sites; i++)
		site_free(&settings->sites[i]);
	for (size_t i = 0; i < settings->n_broken; i++) {
		free(settings->broken[i].name);
		free(settings->broken[i].account);
	}
	free(settings->sites);
	free(settings->broken);
	free(settings->redis);
	keys_free(root_keys, settings);
	free(settings);
}

static int sites_compare(const void *a, const void *b)
{
	return strcmp(((const struct site *)a)->name, ((const struct site *)b)->name);
}

static int broken_compare(const void *a, const void *b)
{
	return strcmp(((const struct broken_site *)a)->name, ((const struct broken_site *)b)->name);
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

/* Moves them out of *source, each to those that can be used or to the broken ones. */
static bool move_sites(struct settings *settings, struct settings_source *source)
{
	settings->sites = calloc(source->n_sites + 1, sizeof(*settings->sites));
	settings->redis = calloc(source->n_sites + 1, sizeof(*settings->redis));
	if (settings->sites == NULL || settings->redis == NULL)
		return false;
	for (size_t i = 0; i < source->n_sites; i++) {
		struct site_source *site = &source->sites[i];

		if (!site->broken) {
			settings->sites[settings->n_sites++] = site->site;
			site->site = (struct site){ .name = NULL };
		} else if (!settings_broken_add(settings, site->file, site->title,
		    site->site.stripe_account)) {
			return false;
		}
	}
	return true;
}

static bool load(const char *path, unsigned secrets, struct settings *settings,
    struct settings_source *source)
{
	if (!settings_gather(path, secrets, settings, source) || !move_sites(settings, source))
		return false;
	if (settings->n_sites == 0) {
		settings_fault(path, 0, "site: there must be at least one%s",
		    settings->n_broken > 0 ? " that nothing is wrong with" : "");
		return false;
	}
	qsort(settings->sites, settings->n_sites, sizeof(*settings->sites), sites_compare);
	if (settings->n_broken > 0)
		qsort(settings->broken, settings->n_broken, sizeof(*settings->broken), broken_compare);
	for (size_t i = 0; i < settings->n_sites; i++)
		share_redis(settings, &settings->sites[i]);
	return true;
}

struct settings *settings_load(const char *path, unsigned secrets)
{
	struct settings_source source = { .redis = NULL };
	struct settings *settings = malloc(sizeof(*settings));
	unsigned before = settings_faults();
	bool loaded = false;

	if (settings != NULL) {
		*settings = settings_defaults;
		loaded = load(path, secrets, settings, &source);
	}
	if (!loaded && settings_faults() == before)
		settings_fault(path, 0, "out of memory");
	source_free(&source);
	key_patterns_free();
	if (!loaded) {
		settings_free(settings);
		return NULL;
	}
	return settings;
}

static int site_compare(const void *name, const void *site)
{
	return strcmp(name, ((const struct site *)site)->name);
}

bool words_include(const struct words *words, const char *word)
{
	for (size_t i = 0; *word && i < words->count; i++)
		if (strcmp(words->word[i], word) == 0)
			return true;
	return false;
}

const struct site *settings_site(const struct settings *settings, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return settings->n_sites == 1 && settings->n_broken == 0 ? &settings->sites[0] : NULL;
	return bsearch(name, settings->sites, settings->n_sites, sizeof(*settings->sites), site_compare);
}

static int broken_site_compare(const void *name, const void *site)
{
	return strcmp(name, ((const struct broken_site *)site)->name);
}

bool settings_site_broken(const struct settings *settings, const char *name)
{
	if (settings->n_broken == 0 || name == NULL || name[0] == '\0')
		return settings->n_broken > 0;
	return bsearch(name, settings->broken, settings->n_broken, sizeof(*settings->broken),
	    broken_site_compare) != NULL;
}

bool settings_account_broken(const struct settings *settings, const char *account)
{
	for (size_t i = 0; account != NULL && i < settings->n_broken; i++) {
		if (same_text(settings->broken[i].account, account))
			return true;
	}
	return false;
}

const struct plan *site_plan(const struct site *site, const char *name)
{
	for (size_t i = 0; i < site->n_plans; i++) {
		if (strcmp(site->plans[i].name, name) == 0)
			return &site->plans[i];
	}
	return NULL;
}
