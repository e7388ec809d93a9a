#include "sync_courier.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "billing_delivery.h"
#include "http_client.h"
#include "log.h"
#include "monotonic.h"
#include "store.h"

#define PAUSE_MS 500 /* how often the streams are looked at */

struct sync_courier {
	struct sync *sync;
	struct store *store;
	struct http_client *http;
	pthread_t thread;
};

static void courier_free(struct sync_courier *courier)
{
	http_client_free(courier->http);
	store_free(courier->store);
	free(courier);
}

static struct sync_courier *courier_new(struct sync *sync)
{
	struct sync_courier *courier = calloc(1, sizeof(*courier));

	if (!courier)
		return NULL;
	courier->sync = sync;
	courier->store = store_new(sync->settings);
	courier->http = http_client_new("tollgate/" PACKAGE_VERSION);
	if (courier->store && courier->http)
		return courier;
	courier_free(courier);
	return NULL;
}

/* One turn for the site. A store that fails says so in the log itself. */
static bool deliver(struct sync_courier *courier, const struct site *site, bool *more)
{
	struct problem problem;

	*more = false;
	log_context(NULL, site->name);
	return billing_delivery_run(courier->store, courier->http, site, time(NULL), more, &problem)
	    == RESULT_OK;
}

/* One turn for each site; whether any of them has more that is due. */
static bool go_round(struct sync_courier *courier)
{
	const struct sync *sync = courier->sync;
	bool any = false, more;

	for (size_t i = 0; i < sync->n_sites && !sync->stop; i++) {
		deliver(courier, sync->sites[i], &more);
		any |= more;
	}
	return any;
}

static void *run(void *context)
{
	struct sync_courier *courier = context;

	while (!courier->sync->stop) {
		if (!go_round(courier))
			monotonic_sleep_ms(PAUSE_MS);
	}
	return NULL;
}

struct sync_courier *sync_courier_start(struct sync *sync)
{
	struct sync_courier *courier = courier_new(sync);

	if (!courier || pthread_create(&courier->thread, NULL, run, courier) == 0)
		return courier;
	courier_free(courier);
	return NULL;
}

void sync_courier_stop(struct sync_courier *courier)
{
	courier->sync->stop = true;
	pthread_join(courier->thread, NULL);
	courier_free(courier);
}

bool sync_courier_once(struct sync *sync, const struct site *site)
{
	struct sync_courier *courier = courier_new(sync);
	bool delivered = true, more = true;

	if (!courier)
		return false;
	while (delivered && more && !sync->stop)
		delivered = deliver(courier, site, &more);
	courier_free(courier);
	return delivered;
}
