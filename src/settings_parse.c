#include "settings_load.h"

#include <confuse.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

#define KEYS_MAX 64
#define INCLUDE_DEPTH_MAX 8

/* libconfuse's callbacks carry no context, and its lexer is one per process. */
static int include_depth;
static struct site_files *site_files;

/* The key tables of each section, by libconfuse's name for it. */
static const struct section {
	const char *name;
	const struct key *tables[2];
} sections[] = {
	{ "root", { root_keys, root_source_keys } },
	{ "site", { site_keys, site_source_keys } },
	{ "plan", { plan_keys, NULL } },
};

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void confuse_error(cfg_t *cfg, const char *format, va_list args)
{
	char reason[512];

	settings_fault(cfg->filename, cfg->line, "%s",
	    vsnprintf(reason, sizeof(reason), format, args) >= 0 ? reason : format);
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
	const char *reason = key_check(key, value);

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

static const char not_of_a_site[] = "does not stand in a file of sites, since it is for all of them";

static int refuse_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	cfg_error(cfg, "%s: %s", opt->name, not_of_a_site);
	*(const char **)result = value;
	return 0;
}

static int refuse_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	(void)argc;
	(void)argv;
	cfg_error(cfg, "%s: %s", opt->name, not_of_a_site);
	return CFG_PARSE_ERROR;
}

static size_t options_add(cfg_opt_t *options, size_t n, const struct key *keys,
    cfg_callback_t take)
{
	for (; keys->name != NULL; keys++) {
		if (keys->shape == KEY_WORDS)
			options[n++] = (cfg_opt_t)CFG_STR_LIST_CB(keys->name, NULL, CFGF_NODEFAULT, take);
		else
			options[n++] = (cfg_opt_t)CFG_STR_CB(keys->name, NULL, CFGF_NODEFAULT, take);
	}
	return n;
}

/* Of a file that may set keys for all sites, and include others, or may not. */
static cfg_t *tree_new(cfg_callback_t take_root_value, cfg_func_t include)
{
	cfg_opt_t plan[KEYS_MAX], site[KEYS_MAX], root[KEYS_MAX];
	const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	size_t n;
	cfg_t *cfg;

	n = options_add(plan, 0, plan_keys, take_value);
	plan[n] = (cfg_opt_t)CFG_END();
	n = options_add(site, options_add(site, 0, site_keys, take_value), site_source_keys, take_value);
	site[n++] = (cfg_opt_t)CFG_SEC("plan", plan, titled);
	site[n] = (cfg_opt_t)CFG_END();
	n = options_add(root, options_add(root, 0, root_keys, take_root_value), root_source_keys,
	    take_root_value);
	root[n++] = (cfg_opt_t)CFG_SEC("site", site, titled);
	root[n++] = (cfg_opt_t)CFG_FUNC("include", include);
	root[n] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(root, CFGF_NONE);
	if (cfg != NULL)
		cfg_set_error_function(cfg, confuse_error);
	return cfg;
}

/* Not cfg_include, which takes ten files in all. */
static int file_read(cfg_t *cfg, const char *path, const struct scan *scan)
{
	char *including = cfg->filename;
	int line = cfg->line;
	int status;

	if (scan->fault != NULL) {
		settings_fault(path, scan->line, "%s", scan->fault);
		return CFG_FILE_ERROR;
	}
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

/* Takes over *scan on success. */
static bool site_file_add(const char *path, const struct scan *scan)
{
	struct site_file *longer = reallocarray(site_files->file, site_files->count + 1, sizeof(*longer));
	char *copy = strdup(path);

	if (longer != NULL)
		site_files->file = longer;
	if (longer == NULL || copy == NULL) {
		free(copy);
		settings_fault(path, 0, "out of memory");
		return false;
	}
	longer[site_files->count++] = (struct site_file){ copy, *scan };
	return true;
}

/* What a pattern finds is a file of sites even if nothing of it can be read:
 * that must not stop all others. */
static int file_include(cfg_t *cfg, const char *path, bool by_pattern)
{
	struct scan scan;
	int status = CFG_PARSE_ERROR;

	if (include_depth >= INCLUDE_DEPTH_MAX) {
		cfg_error(cfg, "include: files include each other too deeply");
		return CFG_PARSE_ERROR;
	}
	settings_scan(path, &scan);
	if (!by_pattern && scan.n_headings == 0)
		status = file_read(cfg, path, &scan);
	else if (site_file_add(path, &scan))
		return CFG_SUCCESS;
	settings_scan_free(&scan);
	return status;
}

static int files_include(cfg_t *cfg, const char *pattern)
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
		status = file_include(cfg, found.gl_pathv[i], (found.gl_flags & GLOB_MAGCHAR) != 0);
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
			status = files_include(cfg, strbuf_text(&pattern));
	} else {
		cfg_error(cfg, "%s: takes one file name or pattern", opt->name);
	}
	strbuf_free(&pattern);
	free(file);
	return status;
}

static cfg_t *file_parse(cfg_t *cfg, const char *path, const struct scan *scan)
{
	unsigned before = settings_faults();

	/* Out of memory, libconfuse stops half-way without a word. */
	if (cfg == NULL)
		settings_fault(path, 0, "out of memory");
	else if (file_read(cfg, path, scan) != CFG_SUCCESS && settings_faults() == before)
		settings_fault(path, 0, "the file cannot be read to its end");
	return cfg;
}

struct cfg_t *settings_parse(const char *path, struct site_files *files)
{
	struct scan scan;
	cfg_t *cfg;

	site_files = files;
	include_depth = 0;
	settings_scan(path, &scan);
	cfg = file_parse(tree_new(take_value, include), path, &scan);
	settings_scan_free(&scan);
	return cfg;
}

struct cfg_t *settings_parse_sites(const struct site_file *file)
{
	return file_parse(tree_new(refuse_value, refuse_include), file->path, &file->scan);
}

void settings_files_free(struct site_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->file[i].path);
		settings_scan_free(&files->file[i].scan);
	}
	free(files->file);
}
