/* Which site a thread of tollgate-sync turns to next: fairly, and so that a dead
 * or slow Stripe account holds up no other site. */
#ifndef TOLLGATE_SYNC_SCHEDULE_H
#define TOLLGATE_SYNC_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sync_schedule; /* one per process, shared by its threads */

/* NULL when out of memory. */
struct sync_schedule *sync_schedule_new(size_t n_sites, int threads);
void sync_schedule_free(struct sync_schedule *schedule);

struct sync_turn {
	size_t site; /* index */
	bool duty;   /* look after its duties, else for its work */
	bool found;  /* there was work */
};

/* Waits for a site's turn. False when stopped. */
bool sync_schedule_take(struct sync_schedule *schedule, struct sync_turn *turn);
/* There was work: while this thread does it, another one may look for more. */
void sync_schedule_found(struct sync_schedule *schedule, struct sync_turn *turn);

enum turn_outcome {
	TURN_WORKED,
	TURN_IDLE,   /* there was nothing to do */
	TURN_FAILED, /* Stripe or Redis did not do its part */
};
/* The end of a turn; after_ms: not to be taken again sooner, 0 = as it comes. */
void sync_schedule_give(struct sync_schedule *schedule, const struct sync_turn *turn,
    enum turn_outcome outcome, int64_t after_ms);

/* Wakes all who wait. */
void sync_schedule_stop(struct sync_schedule *schedule);

#endif
