/* A configuration, and behind a line of "%%" a file that it may include. It is refused as
 * a whole, or everything that the programs rely on is in it. */
#include "settings.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "request.h"
#include "utf8.h"

const char *__lsan_default_suppressions(void);

/* libconfuse 3.3 loses the arguments of a function that are not followed by a bracket. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfuse.so";
}

static char directory[] = "/tmp/tollgate-fuzz-XXXXXX";

int __real_glob(const char *pattern, int flags, int (*fails)(const char *, int), glob_t *found);
int __wrap_glob(const char *pattern, int flags, int (*fails)(const char *, int), glob_t *found);

/* In the place of glob (ld --wrap): what an input includes is its own second half. */
int __wrap_glob(const char *pattern, int flags, int (*fails)(const char *, int), glob_t *found)
{
	if (strncmp(pattern, "./", 2) != 0 || strchr(pattern + 2, '/') != NULL || strlen(pattern) > 64)
		return GLOB_NOMATCH;
	return __real_glob(pattern, flags, fails, found);
}

static void put(const char *name, const char *text, size_t length)
{
	FILE *file = fopen(name, "wb");

	assert(file != NULL && fwrite(text, 1, length, file) == length);
	assert(fclose(file) == 0 && chmod(name, 0600) == 0);
}

static const char *const files[][2] = {
	{ "stripe", "sk_test_x" },
	{ "webhook", "whsec_x" },
	{ "identity", "not a secret: the fuzz targets sign with this" },
	{ "tollgate.conf", "" },
	{ "site.conf", "" },
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static void leave(void)
{
	for (size_t i = 0; i < N_FILES; i++)
		unlink(files[i][0]);
	rmdir(directory);
}

/* /proc/self/cwd/NAME is the absolute path that the settings want for a secret. */
static void enter(void)
{
	assert(mkdtemp(directory) != NULL && chdir(directory) == 0 && atexit(leave) == 0);
	for (size_t i = 0; i < N_FILES; i++)
		put(files[i][0], files[i][1], strlen(files[i][1]));
}

static void check_plan(const struct plan *plan)
{
	assert(plan->name[0] != '\0' && plan->quantity_max >= 1);
	assert(plan->prices.count + plan->lookup_keys.count > 0 || plan->product != NULL || plan->free);
	assert(plan->trial_days >= 0 && (!plan->trial_without_card || plan->trial_days > 0));
}

static void check_site(const struct settings *settings, const struct site *site)
{
	assert(settings_site(settings, site->name) == site);
	assert(site->redis.url != NULL && site->redis_index < settings->n_redis);
	assert(request_path_is_own(site->cancel_path) && request_path_is_own(site->success_path));
	assert(request_path_is_own(site->portal_return_path));
	assert(site->grace >= 0 && site->past_due_grace >= 0 && site->cold_wait_ms >= 0);
	assert(site->stripe_rate >= 1 && site->processing <= PROCESSING_WAIT);
	assert(site->loopback_http || strncmp(site->origin, "https://", 8) == 0);
	assert(site->submit_text == NULL
	    || utf8_printable(site->submit_text, strlen(site->submit_text)));
	for (size_t i = 0; i < site->n_identity_keys; i++)
		assert(site->identity_keys[i].length >= 32);
	for (size_t i = 0; i < site->n_plans; i++)
		check_plan(&site->plans[i]);
}

static void check_settings(const struct settings *settings)
{
	assert(settings->stripe_timeout_ms >= 1000);
	assert(strncmp(settings->stripe_api_base, "http", 4) == 0);
	for (size_t i = 0; i < settings->n_sites; i++)
		check_site(settings, &settings->sites[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool entered;
	struct fuzz_input input = { (const char *)data, size };
	struct settings *settings;
	size_t length;
	char *first = fuzz_take(&input, "\n%%\n", &length);

	if (!entered)
		enter();
	entered = true;
	put("tollgate.conf", first, length);
	put("site.conf", input.text != NULL ? input.text : "", input.length);
	settings = settings_load("tollgate.conf", SECRET_SYNC_KEY | SECRET_IDENTITY);
	if (settings != NULL)
		check_settings(settings);
	settings_free(settings);
	free(first);
	return 0;
}
