#include "sync.h"

#include <pthread.h>

#include "log.h"
#include "startup.h"

void workshop_close(struct workshop *workshop)
{
	store_free(workshop->store);
	stripe_free(workshop->stripe);
}

bool workshop_open(struct sync *sync, struct workshop *workshop)
{
	*workshop = (struct workshop){
		.store = store_new(sync->settings),
		.stripe = stripe_new(sync->settings),
		.stop = &sync->stop,
		.patience_ms = sync->patience_ms,
	};
	if (workshop->store && workshop->stripe) {
		billing_work_pace(workshop);
		return true;
	}
	log_event(LOG_LEVEL_ERROR, "out of memory", NULL);
	sync->failed = true;
	workshop_close(workshop);
	return false;
}

void crew_run(struct sync *sync, void *(*run)(void *context), void *context)
{
	pthread_t threads[STARTUP_THREADS_MAX];
	int started = 0;

	while (started < sync->options->threads - 1
	    && pthread_create(&threads[started], NULL, run, context) == 0)
		started++;
	run(context);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}
