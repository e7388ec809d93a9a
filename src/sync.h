/* Private to tollgate-sync: what its modes share. */
#ifndef TOLLGATE_SYNC_H
#define TOLLGATE_SYNC_H

#include <stdatomic.h>

#include "billing_work.h"
#include "settings.h"
#include "sync_schedule.h"

#define SYNC_PROGRAM "tollgate-sync"

struct sync_options {
	const char *config;
	const char *customer; /* NULL = all that there is to do */
	const char *site;     /* NULL = all of them */
	int threads;
	bool test, once, all;
};

/* What all threads have in common. */
struct sync {
	const struct settings *settings;
	const struct sync_options *options;
	const struct site **sites; /* that are asked for */
	size_t n_sites;
	struct sync_schedule *schedule;
	int64_t patience_ms;
	atomic_bool stop;
	atomic_bool failed;
};

/* False: there is no memory, which was logged and is in sync->failed. */
bool workshop_open(struct sync *sync, struct workshop *workshop);
void workshop_close(struct workshop *workshop);

/* Runs `run` on all threads, of which this is one, until each has returned. */
void crew_run(struct sync *sync, void *(*run)(void *context), void *context);

/* The modes. Each returns the exit code. */
int sync_daemon(struct sync *sync);   /* until SIGTERM */
int sync_once(struct sync *sync);     /* what there is to do */
int sync_all(struct sync *sync);      /* --all */
int sync_customer(struct sync *sync); /* --customer */

#endif
