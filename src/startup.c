#include "startup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "log.h"
#include "store.h"

long startup_number(const char *text, int base, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, base);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
		return -1;
	return value;
}

/* Secrets are in memory: no core file, and no look into it by who has the same user id. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		log_event(LOG_LEVEL_WARNING, "cannot forbid core files", "error", strerror(errno), NULL);
#ifndef __SANITIZE_ADDRESS__ /* its leak check looks into the process */
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		log_event(LOG_LEVEL_WARNING, "cannot forbid tracing", "error", strerror(errno), NULL);
#endif
}

struct settings *startup_settings(const char *program, const char *config, unsigned secrets)
{
	struct settings *settings;

	log_open(program, LOG_LEVEL_INFO);
	harden();
	signal(SIGPIPE, SIG_IGN);
	settings = settings_load(config, secrets);
	if (settings != NULL)
		log_open(program, settings->log_level);
	return settings;
}

const struct site *startup_site_of_redis(const struct settings *settings, size_t index)
{
	for (size_t i = 0; i < settings->n_sites; i++) {
		if (settings->sites[i].redis_index == index)
			return &settings->sites[i];
	}
	return NULL;
}

bool startup_redis_usable(const struct settings *settings, const atomic_bool *ended)
{
	struct store *store = store_new(settings);
	struct problem problem;
	bool usable = true;

	for (size_t i = 0; store != NULL && i < settings->n_redis && !(ended != NULL && *ended); i++) {
		const struct site *site = startup_site_of_redis(settings, i);

		if (site == NULL || store_inspect(store, site, &problem) != RESULT_INVALID)
			continue;
		log_event(LOG_LEVEL_ERROR, "Redis cannot be used", "site", site->name,
		    "error", problem.message, NULL);
		usable = false;
	}
	store_free(store);
	return usable;
}

int startup_test(const char *program, const char *config, const struct settings *settings)
{
	if (settings->n_broken > 0) {
		fprintf(stderr, "%s: %s: configuration is not valid, of %zu of %zu sites\n", program,
		    config, settings->n_broken, settings->n_broken + settings->n_sites);
		return EX_CONFIG;
	}
	printf("%s: %s: configuration is valid\n", program, config);
	return EX_OK;
}

void startup_log_started(const struct settings *settings, int threads)
{
	char sites[24];
	char broken[24];
	char count[12];

	if (snprintf(sites, sizeof(sites), "%zu", settings->n_sites) < 0 ||
	    snprintf(broken, sizeof(broken), "%zu", settings->n_broken) < 0 ||
	    snprintf(count, sizeof(count), "%d", threads) < 0)
		return;
	log_event(LOG_LEVEL_INFO, "started", "version", PACKAGE_VERSION, "sites", sites,
	    "broken", settings->n_broken > 0 ? broken : NULL,
	    "threads", count, NULL);
}
