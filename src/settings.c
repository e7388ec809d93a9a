#include "settings.h"

#include <confuse.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_keys.h"
#include "strbuf.h"

#define KEYS_MAX 64
#define INCLUDE_DEPTH_MAX 8

/* libconfuse's callbacks carry no context, and its lexer is one per process. */
static unsigned faults;
static int include_depth;

/* The key tables of each section, by libconfuse's name for it. */
static const struct section {
	const char *name;
	const struct key *tables[2];
} sections[] = {
	{ "root", { root_keys, root_source_keys } },
	{ "site", { site_keys, site_source_keys } },
	{ "plan", { plan_keys, NULL } },
};

static void fault_log(const char *file, int line, const char *reason)
{
	char number[sizeof("-2147483648")];
	int n = snprintf(number, sizeof(number), "%d", line);

	faults++;
	log_event(LOG_LEVEL_ERROR, "settings refused", "file", file,
	    "line", n > 0 && line > 0 ? number : NULL, "reason", reason, NULL);
}

static void fault_format(const char *file, int line, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fault_format(const char *file, int line, const char *format, va_list args)
{
	char reason[512];
	int n = vsnprintf(reason, sizeof(reason), format, args);

	fault_log(file, line, n >= 0 ? reason : format);
}

void settings_fault(const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fault_format(file, line, format, args);
	va_end(args);
}

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
{
	fault_format(cfg->filename, cfg->line, format, args);
}

static const struct key *key_in(const struct key *keys, const char *name)
{
	for (; keys != NULL && keys->name != NULL; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys;
	}
	return NULL;
}

/* libconfuse only calls back for keys that are in one of the tables. */
static const struct key *key_find(const char *section, const char *name)
{
	size_t i = 0;
	const struct key *key;

	while (strcmp(sections[i].name, section) != 0)
		i++;
	key = key_in(sections[i].tables[0], name);
	return key != NULL ? key : key_in(sections[i].tables[1], name);
}

/* Checks a value while its line is known. A wrong one is a fault, but reading
 * goes on, so that one run shows them all. A key's second value would silently
 * replace the first; that there was one is kept in a member that libconfuse
 * leaves alone for texts. */
static int take_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct key *key = key_find(cfg->name, opt->name);
	const char *reason = key_store(key, value, NULL);

	if (key->shape != KEY_WORDS && opt->def.boolean == cfg_true)
		reason = "is set twice";
	opt->def.boolean = cfg_true;
	if (reason != NULL && cfg->title != NULL)
		cfg_error(cfg, "%s %s: %s: %s", cfg->name, cfg->title, key->name, reason);
	else if (reason != NULL)
		cfg_error(cfg, "%s: %s", key->name, reason);
	*(const char **)result = value;
	return 0;
}

static size_t options_add(cfg_opt_t *options, size_t n, const struct key *keys)
{
	for (; keys->name != NULL; keys++) {
		if (keys->shape == KEY_WORDS)
			options[n++] = (cfg_opt_t)CFG_STR_LIST_CB(keys->name, NULL, CFGF_NODEFAULT, take_value);
		else
			options[n++] = (cfg_opt_t)CFG_STR_CB(keys->name, NULL, CFGF_NODEFAULT, take_value);
	}
	return n;
}

/* Reads a file into `cfg` from within another one. Not cfg_include, which
 * takes ten files in all and so would bound the sites of a directory. */
static int file_read(cfg_t *cfg, const char *path)
{
	char *including = cfg->filename;
	int line = cfg->line;
	int status;

	if (include_depth >= INCLUDE_DEPTH_MAX) {
		cfg_error(cfg, "include: files include each other too deeply");
		return CFG_PARSE_ERROR;
	}
	if (!settings_scan(path))
		return CFG_FILE_ERROR;
	cfg->filename = NULL;
	include_depth++;
	status = cfg_parse(cfg, path);
	include_depth--;
	if (status == CFG_FILE_ERROR)
		settings_fault(path, 0, "%s", strerror(errno));
	free(cfg->filename);
	cfg->filename = including;
	cfg->line = line;
	return status;
}

static int files_read(cfg_t *cfg, const char *pattern)
{
	glob_t found;
	int status = CFG_SUCCESS;
	int globbed = glob(pattern, GLOB_ERR | GLOB_NOMAGIC, NULL, &found);

	if (globbed == GLOB_NOMATCH)
		return CFG_SUCCESS;
	if (globbed != 0) {
		cfg_error(cfg, "include: %s cannot be searched", pattern);
		return CFG_FILE_ERROR;
	}
	for (size_t i = 0; i < found.gl_pathc && status == CFG_SUCCESS; i++)
		status = file_read(cfg, found.gl_pathv[i]);
	globfree(&found);
	return status;
}

/* include("PATTERN"), relative to the directory of the file it stands in. A
 * pattern may match nothing; a plain name must be there. */
static int include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct strbuf pattern = STRBUF_INIT;
	char *file = strdup(cfg->filename);
	int status = CFG_PARSE_ERROR;

	if (argc == 1 && file != NULL) {
		if (argv[0][0] != '/')
			strbuf_appendf(&pattern, "%s/", dirname(file));
		strbuf_append(&pattern, argv[0]);
		if (strbuf_text(&pattern) != NULL)
			status = files_read(cfg, strbuf_text(&pattern));
	} else {
		cfg_error(cfg, "%s: takes one file name or pattern", opt->name);
	}
	strbuf_free(&pattern);
	free(file);
	return status;
}

static cfg_t *file_parse(const char *path)
{
	cfg_opt_t plan[KEYS_MAX], site[KEYS_MAX], root[KEYS_MAX];
	const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	size_t n;
	cfg_t *cfg;

	n = options_add(plan, 0, plan_keys);
	plan[n] = (cfg_opt_t)CFG_END();
	n = options_add(site, options_add(site, 0, site_keys), site_source_keys);
	site[n++] = (cfg_opt_t)CFG_SEC("plan", plan, titled);
	site[n] = (cfg_opt_t)CFG_END();
	n = options_add(root, options_add(root, 0, root_keys), root_source_keys);
	root[n++] = (cfg_opt_t)CFG_SEC("site", site, titled);
	root[n++] = (cfg_opt_t)CFG_FUNC("include", include);
	root[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(root, CFGF_NONE);
	if (cfg == NULL)
		return NULL;
	cfg_set_error_function(cfg, confuse_error);
	include_depth = 0;
	/* Out of memory, libconfuse stops half-way without a word. */
	if (file_read(cfg, path) != CFG_SUCCESS && faults == 0)
		settings_fault(path, 0, "the file cannot be read to its end");
	return cfg;
}

/* Every value was checked when it was read: what fails now is memory. */
static void fill(cfg_t *cfg, const struct key *keys, void *object)
{
	for (const struct key *key = keys; key->name != NULL; key++) {
		cfg_opt_t *option = cfg_getopt(cfg, key->name);
		unsigned n = cfg_opt_size(option);

		if (n == 0 && key->shape == KEY_REQUIRED)
			cfg_error(cfg, "%s %s: %s: is required", cfg->name, cfg->title, key->name);
		for (unsigned i = 0; i < n; i++) {
			const char *reason = key_store(key, cfg_opt_getnstr(option, i), object);

			if (reason != NULL)
				cfg_error(cfg, "%s: %s", key->name, reason);
		}
	}
}

static void fill_name(cfg_t *cfg, const struct key *key, void *object)
{
	const char *reason = key_store(key, cfg->title, object);

	if (reason != NULL)
		cfg_error(cfg, "%s: %s: %s", cfg->name, key->name, reason);
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

static void fill_site(cfg_t *cfg, struct site *site, struct site_source *source)
{
	*site = site_defaults;
	source->line = cfg->line;
	source->file = strdup(cfg->filename);
	if (source->file == NULL)
		cfg_error(cfg, "out of memory");
	fill_name(cfg, &site_name_key, site);
	fill(cfg, site_keys, site);
	fill(cfg, site_source_keys, source);
	fill_plans(cfg, site);
}

static void fill_settings(cfg_t *cfg, struct settings *settings, struct settings_source *source)
{
	size_t n = cfg_size(cfg, "site");

	fill(cfg, root_keys, settings);
	fill(cfg, root_source_keys, source);
	settings->sites = calloc(n, sizeof(*settings->sites));
	settings->redis = calloc(n, sizeof(*settings->redis));
	source->sites = calloc(n, sizeof(*source->sites));
	if (settings->sites == NULL || settings->redis == NULL || source->sites == NULL) {
		cfg_error(cfg, "out of memory");
		return;
	}
	for (; settings->n_sites < n; settings->n_sites++)
		fill_site(cfg_getnsec(cfg, "site", (unsigned)settings->n_sites),
		    &settings->sites[settings->n_sites], &source->sites[settings->n_sites]);
}

static void source_free(struct settings_source *source, size_t n_sites)
{
	for (size_t i = 0; i < n_sites; i++) {
		keys_free(site_source_keys, &source->sites[i]);
		free(source->sites[i].file);
	}
	free(source->sites);
	keys_free(root_source_keys, source);
}

/* Each step needs that the one before found nothing wrong. */
static void load(const char *path, unsigned secrets, struct settings *settings,
    struct settings_source *source)
{
	cfg_t *cfg = file_parse(path);

	if (cfg == NULL)
		settings_fault(path, 0, "out of memory");
	if (faults == 0 && cfg_size(cfg, "site") == 0)
		settings_fault(path, 0, "site: there must be at least one");
	if (faults == 0)
		fill_settings(cfg, settings, source);
	if (faults == 0)
		settings_check(settings, source);
	if (faults == 0)
		settings_secrets_open(settings, source, secrets);
	cfg_free(cfg);
}

struct settings *settings_load(const char *path, unsigned secrets)
{
	struct settings_source source = { .redis = NULL };
	struct settings *settings = malloc(sizeof(*settings));

	faults = 0;
	if (settings == NULL) {
		settings_fault(path, 0, "out of memory");
		return NULL;
	}
	*settings = settings_defaults;
	load(path, secrets, settings, &source);
	source_free(&source, settings->n_sites);
	if (faults > 0) {
		settings_free(settings);
		return NULL;
	}
	return settings;
}

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

void settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; i < settings->n_sites; i++)
		site_free(&settings->sites[i]);
	free(settings->sites);
	free(settings->redis);
	keys_free(root_keys, settings);
	free(settings);
}

const struct site *settings_site(const struct settings *settings, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return settings->n_sites == 1 ? &settings->sites[0] : NULL;
	for (size_t i = 0; i < settings->n_sites; i++) {
		if (strcmp(settings->sites[i].name, name) == 0)
			return &settings->sites[i];
	}
	return NULL;
}

const struct plan *site_plan(const struct site *site, const char *name)
{
	for (size_t i = 0; i < site->n_plans; i++) {
		if (strcmp(site->plans[i].name, name) == 0)
			return &site->plans[i];
	}
	return NULL;
}
