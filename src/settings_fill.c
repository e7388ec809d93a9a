#include "settings_load.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

static void store(cfg_t *cfg, const struct key *key, const char *text, void *object)
{
	if (!key_store(key, text, object))
		cfg_error(cfg, "%s: out of memory", key->name);
}

static void fill(cfg_t *cfg, const struct key *keys, void *object)
{
	for (const struct key *key = keys; key->name != NULL; key++) {
		cfg_opt_t *option = cfg_getopt(cfg, key->name);
		unsigned n = cfg_opt_size(option);

		if (n == 0 && key->shape == KEY_REQUIRED)
			cfg_error(cfg, "%s %s: %s: is required", cfg->name, cfg->title, key->name);
		for (unsigned i = 0; i < n; i++)
			store(cfg, key, cfg_opt_getnstr(option, i), object);
	}
}

static void fill_name(cfg_t *cfg, const struct key *key, void *object)
{
	const char *reason = key_check(key, cfg->title);

	if (reason != NULL)
		cfg_error(cfg, "%s: %s: %s", cfg->name, key->name, reason);
	else
		store(cfg, key, cfg->title, object);
}

static void fill_plans(cfg_t *cfg, struct site *site)
{
	size_t n = cfg_size(cfg, "plan");

	site->plans = calloc(n > 0 ? n : 1, sizeof(*site->plans));
	if (site->plans == NULL) {
		cfg_error(cfg, "out of memory");
		return;
	}
	for (; site->n_plans < n; site->n_plans++) {
		struct plan *plan = &site->plans[site->n_plans];
		cfg_t *section = cfg_getnsec(cfg, "plan", (unsigned)site->n_plans);

		*plan = plan_defaults;
		fill_name(section, &plan_name_key, plan);
		fill(section, plan_keys, plan);
	}
}

void settings_fill_site(struct cfg_t *section, struct site_source *source)
{
	source->site = site_defaults;
	source->line = section->line;
	source->file = strdup(section->filename);
	source->title = strdup(section->title);
	if (source->file == NULL || source->title == NULL)
		cfg_error(section, "out of memory");
	fill_name(section, &site_name_key, &source->site);
	fill(section, site_keys, &source->site);
	fill(section, site_source_keys, source);
	fill_plans(section, &source->site);
}

void settings_fill(struct cfg_t *cfg, struct settings *settings, struct settings_source *source)
{
	fill(cfg, root_keys, settings);
	fill(cfg, root_source_keys, source);
}
