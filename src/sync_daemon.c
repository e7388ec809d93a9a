#include "sync.h"

#include <sysexits.h>

#include "jitter.h"
#include "log.h"
#include "startup.h"
#include "store_work.h"
#include "sync_courier.h"

#define DUTY_RETRY_MS 10000

static int64_t retry_ms(const struct problem *problem)
{
	return (int64_t)problem->retry_after * 1000;
}

/* What failed for one customer may go well for the next one. */
static enum turn_outcome outcome_of(enum result result)
{
	switch (result) {
	case RESULT_RATE_LIMITED:
	case RESULT_UPSTREAM:
	case RESULT_DOUBTFUL:
	case RESULT_UNAVAILABLE:
	case RESULT_TIMEOUT:
		return TURN_FAILED;
	default:
		return TURN_WORKED;
	}
}

static void turn_to_duties(struct sync *sync, const struct workshop *workshop,
    const struct sync_turn *turn)
{
	struct problem problem = { .result = RESULT_OK };
	int64_t due_in;
	enum result result = billing_work_duties(workshop, sync->sites[turn->site], false, &due_in,
	    &problem);

	/* So that daemons which began together do not ask together for ever. */
	due_in = due_in * 1000 + jitter(due_in * 100);
	if (result == RESULT_OK)
		sync_schedule_give(sync->schedule, turn, TURN_IDLE, due_in);
	else
		sync_schedule_give(sync->schedule, turn, TURN_FAILED,
		    problem.retry_after ? retry_ms(&problem) : DUTY_RETRY_MS);
}

static void turn_to_work(struct sync *sync, struct workshop *workshop,
    struct sync_turn *turn)
{
	const struct site *site = sync->sites[turn->site];
	struct problem problem = { .result = RESULT_OK };
	struct store_work work;
	enum result result = billing_work_claim(workshop, site, &work);

	if (result == RESULT_OK) {
		sync_schedule_found(sync->schedule, turn);
		result = billing_work_do(workshop, site, &work, &problem);
		sync_schedule_give(sync->schedule, turn, outcome_of(result), retry_ms(&problem));
	} else {
		sync_schedule_give(sync->schedule, turn, result == RESULT_NOT_FOUND ? TURN_IDLE : TURN_FAILED, 0);
	}
}

static void *serve(void *context)
{
	struct sync *sync = context;
	struct workshop workshop;
	struct sync_turn turn;

	if (!workshop_open(sync, &workshop))
		return NULL;
	while (sync_schedule_take(sync->schedule, &turn)) {
		log_context(NULL, sync->sites[turn.site]->name);
		if (turn.duty)
			turn_to_duties(sync, &workshop, &turn);
		else
			turn_to_work(sync, &workshop, &turn);
	}
	workshop_close(&workshop);
	return NULL;
}

int sync_daemon(struct sync *sync)
{
	struct sync_courier *courier = sync_courier_start(sync);

	if (!courier) {
		log_event(LOG_LEVEL_ERROR, "cannot start a thread", NULL);
		return EX_OSERR;
	}
	startup_log_started(sync->settings, sync->options->threads);
	crew_run(sync, serve, sync);
	sync_courier_stop(courier);
	log_context(NULL, NULL);
	log_event(LOG_LEVEL_INFO, "stopped", NULL);
	return sync->failed ? EX_OSERR : EX_OK;
}
