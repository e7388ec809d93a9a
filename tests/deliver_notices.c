/* Brings the notices of every site, as tollgate-sync does, and does nothing else. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "billing_delivery.h"
#include "log.h"
#include "monotonic.h"
#include "settings.h"
#include "store.h"

#define PAUSE_MS 50

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void deliver(struct store *store, struct http_client *http, const struct settings *settings)
{
	struct problem problem;
	bool more;

	for (size_t i = 0; i < settings->n_sites; i++) {
		log_context(NULL, settings->sites[i].name);
		billing_delivery_run(store, http, &settings->sites[i], time(NULL), &more, &problem);
	}
}

int main(int argc, char **argv)
{
	struct settings *settings = argc == 3 ? settings_load(argv[2], SECRET_NOTIFY) : NULL;
	struct store *store = settings ? store_new(settings) : NULL;
	struct http_client *http = http_client_init() ? http_client_new("tollgate/test") : NULL;

	if (!store || !http)
		return EXIT_FAILURE;
	log_open("deliver_notices", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	log_event(LOG_LEVEL_INFO, "started", NULL);
	while (!stopped) {
		deliver(store, http, settings);
		monotonic_sleep_ms(PAUSE_MS);
	}
	http_client_free(http);
	http_client_cleanup();
	store_free(store);
	settings_free(settings);
	return EXIT_SUCCESS;
}
