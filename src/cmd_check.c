/* tollgate check: is the configuration right, and does Redis suit it? */
#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "settings.h"
#include "startup.h"
#include "store.h"

static int usage(FILE *out, int code)
{
	fputs("usage: tollgate check [-c FILE]\n", out);
	return code;
}

/* Redis that cannot be reached is no fault of the file: store_inspect has logged it. */
static bool is_at_fault(struct store *store, const struct site *site, struct problem *problem)
{
	enum result result = store_inspect(store, site, problem);

	return result == RESULT_INVALID || result == RESULT_FORBIDDEN;
}

static int inspect(const struct settings *settings)
{
	struct store *store = store_new(settings);
	struct problem problem;
	int code = EX_OK;
	size_t i;

	if (store == NULL)
		return EX_OSERR;
	for (i = 0; i < settings->n_redis; i++) {
		const struct site *site = startup_site_of_redis(settings, i);

		if (!site || !is_at_fault(store, site, &problem))
			continue;
		fprintf(stderr, "tollgate: site %s: %s\n", site->name, problem.message);
		code = EX_CONFIG;
	}
	store_free(store);
	return code;
}

static int check(const char *path)
{
	struct settings *settings = settings_load(path, SECRET_ALL);
	int code;

	if (settings == NULL) {
		fprintf(stderr, "tollgate: %s: configuration is not valid\n", path);
		return EX_CONFIG;
	}
	code = inspect(settings);
	if (code == EX_OK)
		code = startup_test("tollgate", path, settings);
	settings_free(settings);
	return code;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = STARTUP_CONFIG;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? EX_OK : EX_USAGE);
	}
	return optind == argc ? check(path) : usage(stderr, EX_USAGE);
}
