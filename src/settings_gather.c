#include "settings_load.h"

#include <confuse.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define STRIPE_API_BASE "https://api.stripe.com"

bool settings_broken_add(struct settings *settings, const char *file, const char *name,
    const char *account)
{
	struct broken_site *longer = reallocarray(settings->broken, settings->n_broken + 1, sizeof(*longer));
	struct broken_site broken = {
		name != NULL ? strdup(name) : NULL, account != NULL ? strdup(account) : NULL,
	};

	if (longer != NULL)
		settings->broken = longer;
	if (longer == NULL || broken.name == NULL || (account != NULL && broken.account == NULL)) {
		free(broken.name);
		free(broken.account);
		settings_fault(file, 0, "out of memory");
		return false;
	}
	longer[settings->n_broken++] = broken;
	log_event(LOG_LEVEL_ERROR, "site stopped", "site", name, "file", file, NULL);
	return true;
}

/* sites.d/shop.conf is shop's, if it does not say so itself. */
static bool broken_add_by_file_name(struct settings *settings, const char *path)
{
	char *copy = strdup(path);
	char *name = copy != NULL ? basename(copy) : NULL;
	char *suffix = name != NULL ? strrchr(name, '.') : NULL;
	bool added;

	if (suffix != NULL && suffix != name)
		*suffix = '\0';
	added = settings_broken_add(settings, path, name, NULL);
	free(copy);
	return added;
}

static bool broken_add_file(struct settings *settings, const struct site_file *file)
{
	bool added = true;

	if (file->scan.n_headings == 0)
		return broken_add_by_file_name(settings, file->path);
	for (size_t i = 0; i < file->scan.n_headings && added; i++)
		added = settings_broken_add(settings, file->path, file->scan.headings[i].name,
		    file->scan.headings[i].account);
	return added;
}

/* NULL when out of memory. */
static struct site_source *source_add(struct settings_source *source)
{
	struct site_source *longer = reallocarray(source->sites, source->n_sites + 1, sizeof(*longer));

	if (longer == NULL)
		return NULL;
	source->sites = longer;
	longer[source->n_sites] = (struct site_source){ .title = NULL };
	return &longer[source->n_sites++];
}

/* False when out of memory. */
static bool take_sites(cfg_t *cfg, struct settings_source *source)
{
	for (unsigned i = 0; i < cfg_size(cfg, "site"); i++) {
		unsigned before = settings_faults();
		struct site_source *site = source_add(source);

		if (site == NULL)
			return false;
		settings_fill_site(cfg_getnsec(cfg, "site", i), site);
		if (settings_faults() == before)
			settings_check_site(site, source);
		site->broken = settings_faults() > before;
	}
	return true;
}

/* Each step needs that the one before found nothing wrong. */
static bool take_main_file(const char *path, struct settings *settings,
    struct settings_source *source, struct site_files *files)
{
	unsigned before = settings_faults();
	cfg_t *cfg = settings_parse(path, files);

	if (settings_faults() == before)
		settings_fill(cfg, settings, source);
	if (settings_faults() == before && !take_sites(cfg, source))
		settings_fault(path, 0, "out of memory");
	if (settings_faults() == before && settings->stripe_api_base == NULL
	    && (settings->stripe_api_base = strdup(STRIPE_API_BASE)) == NULL)
		settings_fault(path, 0, "out of memory");
	cfg_free(cfg);
	return settings_faults() == before;
}

static bool take_site_file(const struct site_file *file, struct settings *settings,
    struct settings_source *source)
{
	unsigned before = settings_faults();
	cfg_t *cfg = settings_parse_sites(file);
	bool taken;

	if (settings_faults() == before)
		taken = take_sites(cfg, source);
	else
		taken = broken_add_file(settings, file);
	cfg_free(cfg);
	return taken;
}

/* Where a name is given to a site, loaded or broken. */
struct definition {
	const char *name;
	struct site_source *site;  /* NULL = broken, as a whole file */
};

static int definitions_compare(const void *a, const void *b)
{
	return strcmp(((const struct definition *)a)->name, ((const struct definition *)b)->name);
}

/* With two of a name nobody can tell whose keys are right: money would go to
 * the wrong account. */
static void definitions_refuse_twins(struct definition *definitions, size_t n)
{
	qsort(definitions, n, sizeof(*definitions), definitions_compare);
	for (size_t i = 0; i < n; i++) {
		const char *name = definitions[i].name;
		struct site_source *site = definitions[i].site;

		if (site == NULL || ((i == 0 || strcmp(definitions[i - 1].name, name) != 0)
		    && (i + 1 == n || strcmp(definitions[i + 1].name, name) != 0)))
			continue;
		settings_fault(site->file, site->line, "site %s: another file defines it, too", name);
		site->broken = true;
	}
}

/* False when out of memory. */
static bool refuse_twins(const struct settings *settings, struct settings_source *source)
{
	struct definition *definitions = calloc(settings->n_broken + source->n_sites + 1,
	    sizeof(*definitions));
	size_t n = 0;

	if (definitions == NULL)
		return false;
	for (size_t i = 0; i < settings->n_broken; i++)
		definitions[n++].name = settings->broken[i].name;
	for (size_t i = 0; i < source->n_sites; i++) {
		if (source->sites[i].title != NULL)
			definitions[n++] = (struct definition){ source->sites[i].title, &source->sites[i] };
	}
	definitions_refuse_twins(definitions, n);
	free(definitions);
	return true;
}

static void open_secrets(struct settings_source *source, unsigned secrets)
{
	for (size_t i = 0; i < source->n_sites; i++) {
		struct site_source *site = &source->sites[i];
		unsigned before = settings_faults();

		if (!site->broken)
			settings_secrets_open(site, secrets);
		site->broken = site->broken || settings_faults() > before;
	}
}

bool settings_gather(const char *path, unsigned secrets, struct settings *settings,
    struct settings_source *source)
{
	struct site_files files = { .file = NULL };
	bool gathered = take_main_file(path, settings, source, &files);

	for (size_t i = 0; i < files.count && gathered; i++)
		gathered = take_site_file(&files.file[i], settings, source);
	settings_files_free(&files);
	if (!gathered || !refuse_twins(settings, source))
		return false;
	open_secrets(source, secrets);
	return true;
}
