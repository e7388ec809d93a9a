#include "settings_load.h"

#include <stdlib.h>
#include <string.h>

static void site_fault(const struct site_source *source, const char *key, const char *reason)
{
	settings_fault(source->file, source->line, "site %s: %s: %s", source->title, key, reason);
}

static void plan_fault(const struct site_source *source, const struct plan *plan, const char *key,
    const char *reason)
{
	settings_fault(source->file, source->line, "site %s: plan %s: %s: %s", source->title,
	    plan->name, key, reason);
}

/* A fallback is a copy: each site frees its own. */
static bool inherit(char **member, const char *value)
{
	if (*member != NULL || value == NULL)
		return true;
	*member = strdup(value);
	return *member != NULL;
}

static void check_redis(struct site_source *own, const struct settings_source *source)
{
	struct site *site = &own->site;
	/* Who names a server or a login of her own shares none of the global
	 * login: its password is not for another server. */
	bool own_login = site->redis.url != NULL || site->redis.user != NULL
	    || own->redis_password_file != NULL;

	if (site->redis.url == NULL && source->redis == NULL)
		site_fault(own, "redis", "is required, here or for all sites");
	if (!inherit(&site->redis.url, source->redis)
	    || (!own_login && !inherit(&site->redis.user, source->redis_user))
	    || (!own_login && !inherit(&own->redis_password_file, source->redis_password_file)))
		site_fault(own, "redis", "out of memory");
	else if (site->redis.user != NULL && own->redis_password_file == NULL)
		site_fault(own, "redis_user", "needs redis_password_file");
}

static bool share_word(const struct words *a, const struct words *b)
{
	for (size_t i = 0; i < a->count; i++) {
		if (words_include(b, a->word[i]))
			return true;
	}
	return false;
}

static bool repeats_word(const struct words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct words before = { words->word, i };

		if (words_include(&before, words->word[i]))
			return true;
	}
	return false;
}

/* The gate finds a plan by what was bought: that must be one plan. */
static void check_plan_pair(const struct site_source *source, const struct plan *plan,
    const struct plan *other)
{
	static const char reason[] = "is that of an earlier plan, too";

	if (share_word(&plan->prices, &other->prices))
		plan_fault(source, plan, "price", reason);
	if (share_word(&plan->lookup_keys, &other->lookup_keys))
		plan_fault(source, plan, "lookup_key", reason);
	if (plan->product != NULL && other->product != NULL && strcmp(plan->product, other->product) == 0)
		plan_fault(source, plan, "product", reason);
}

static void check_plan(const struct site_source *source, const struct plan *plan)
{
	if (plan->prices.count == 0 && plan->lookup_keys.count == 0 && plan->product == NULL
	    && !plan->free)
		plan_fault(source, plan, "price",
		    "one of price, prices, lookup_key, lookup_keys, product or free is required");
	if (repeats_word(&plan->prices))
		plan_fault(source, plan, "price", "is named twice");
	if (repeats_word(&plan->lookup_keys))
		plan_fault(source, plan, "lookup_key", "is named twice");
	if (plan->trial_without_card && plan->trial_days == 0)
		plan_fault(source, plan, "trial_without_card", "needs trial_days");
	for (const struct plan *other = source->site.plans; other < plan; other++)
		check_plan_pair(source, plan, other);
}

void settings_check_site(struct site_source *source, const struct settings_source *shared)
{
	struct site *site = &source->site;

	check_redis(source, shared);
	site->loopback_http = strncmp(site->origin, "http:", 5) == 0;
	if (site->stripe_publishable_key != NULL)
		site->livemode = strncmp(site->stripe_publishable_key, "pk_live_", 8) == 0;
	if (source->default_plan != NULL) {
		site->default_plan = site_plan(site, source->default_plan);
		if (site->default_plan == NULL)
			site_fault(source, "default_plan", "is not one of the plans");
	}
	if (site->notify_url != NULL && source->notify_secret_file == NULL)
		site_fault(source, "notify_url", "needs notify_secret_file");
	if (source->webhook_secret_files.count > 2)
		site_fault(source, "webhook_secret_files", "takes two files at most");
	if (source->identity_key_files.count > 2)
		site_fault(source, "identity_key_files", "takes two files at most");
	for (size_t i = 0; i < site->n_plans; i++)
		check_plan(source, &site->plans[i]);
}
