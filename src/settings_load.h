/* Private to settings*.c: the steps from the files to the settings. */
#ifndef TOLLGATE_SETTINGS_LOAD_H
#define TOLLGATE_SETTINGS_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "settings_keys.h"

struct cfg_t;

/* What a file says of a site as far as it can be read, be it valid or not. */
struct heading {
	char *name;
	char *account;             /* stripe_account, or NULL */
};

/* A file before libconfuse reads it. */
struct scan {
	struct heading *headings;  /* of its sites */
	size_t n_headings;
	int line;                  /* of the fault, 0 = not known */
	const char *fault;         /* why it is refused, or NULL; a constant */
};

/* A file with sites, which include() has found: parsed by itself, so that its
 * faults stop none but its own sites. */
struct site_file {
	char *path;
	struct scan scan;
};

struct site_files {
	struct site_file *file;
	size_t count;
};

/* Logs one fault of a file. `line` 0 = not known. */
void settings_fault(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How many there were: a step compares what it was before with what it is after. */
unsigned settings_faults(void);

/* Finds what libconfuse would take in silence, and whose sites are concerned.
 * To be freed whatever it found. */
void settings_scan(const char *path, struct scan *scan);
void settings_scan_free(struct scan *scan);

/* The main file, with what it includes but for files with sites, which are
 * added to *files. May be NULL when there was a fault; ends with cfg_free. */
struct cfg_t *settings_parse(const char *path, struct site_files *files);
struct cfg_t *settings_parse_sites(const struct site_file *file);
void settings_files_free(struct site_files *files);

/* From libconfuse's tree, whose values were checked when they were read. */
void settings_fill(struct cfg_t *cfg, struct settings *settings, struct settings_source *source);
void settings_fill_site(struct cfg_t *section, struct site_source *source);

/* What no single key shows: plans against each other, keys that need others.
 * Fills in what follows from others and what a site shares with all. */
void settings_check_site(struct site_source *source, const struct settings_source *shared);

/* Opens what the mask asks for, and the Redis password. */
void settings_secrets_open(struct site_source *source, unsigned secrets);

/* Reads all files and opens the secrets: then each site of *source is whole or
 * broken, and settings->broken has those of files that could not be read. False
 * when nothing can be started: a fault of the main file, or out of memory. */
bool settings_gather(const char *path, unsigned secrets, struct settings *settings,
    struct settings_source *source);
/* Remembers a site that is not to be served. False, and a fault, when out of
 * memory: then it would pass for an unknown one. */
bool settings_broken_add(struct settings *settings, const char *file, const char *name,
    const char *account);

#endif
