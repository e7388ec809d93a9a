#include "sync_schedule.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "monotonic.h"

/* How long Redis is left alone. Somebody at the gate waits up to two seconds for
 * her wish, so even a quiet site is asked some times in each; one EVALSHA of
 * 20 µs each, where blocking commands would hold a connection per site. */
#define PAUSE_BUSY_MS 50
#define PAUSE_QUIET_MS 250
#define QUIET_AFTER_MS 60000

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 8000

struct place {
	int busy;           /* threads */
	bool looking;       /* one of them asks for work */
	bool on_duty;       /* one of them looks after the duties */
	int64_t due_at;     /* monotonic ms: not to be asked for work sooner */
	int64_t duty_at;
	int64_t worked_at;
	int failures;       /* of Stripe, in a row */
	int unanswered;     /* times in a row that Redis did not say whether there is work */
};

struct sync_schedule {
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	bool stopped;
	int threads;
	int failing_busy;     /* threads with sites that fail */
	size_t n_places;
	struct place places[];
};

struct sync_schedule *sync_schedule_new(size_t n_sites, int threads)
{
	struct sync_schedule *schedule = calloc(1, sizeof(*schedule) + n_sites * sizeof(schedule->places[0]));
	pthread_condattr_t attributes;

	if (!schedule)
		return NULL;
	schedule->threads = threads;
	schedule->n_places = n_sites;
	for (size_t i = 0; i < n_sites; i++)
		schedule->places[i].worked_at = monotonic_ms();
	pthread_mutex_init(&schedule->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&schedule->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return schedule;
}

void sync_schedule_free(struct sync_schedule *schedule)
{
	if (!schedule)
		return;
	pthread_cond_destroy(&schedule->changed);
	pthread_mutex_destroy(&schedule->lock);
	free(schedule);
}

static int at_least_one(int n)
{
	return n > 0 ? n : 1;
}

static bool is_failing(const struct place *place)
{
	return place->failures > 0 || place->unanswered > 0;
}

/* Half of the threads at most are with one site of several, and half of them
 * with all that fail, of which each is tried by one. */
static bool has_room(const struct sync_schedule *schedule, const struct place *place)
{
	int most = schedule->n_places > 1 ? (schedule->threads + 1) / 2 : schedule->threads;

	if (is_failing(place))
		return place->busy == 0 && schedule->failing_busy < at_least_one(schedule->threads / 2);
	return place->busy < most;
}

static bool is_duty_open(const struct sync_schedule *schedule, const struct place *place)
{
	return !place->on_duty && has_room(schedule, place);
}

static bool is_work_open(const struct sync_schedule *schedule, const struct place *place)
{
	return !place->looking && has_room(schedule, place);
}

/* What has waited longest; *next_at: when the next thing is due. */
static bool choose(const struct sync_schedule *schedule, int64_t now, struct sync_turn *turn,
    int64_t *next_at)
{
	int64_t oldest = INT64_MAX;

	for (size_t i = 0; i < schedule->n_places; i++) {
		const struct place *place = &schedule->places[i];

		if (is_work_open(schedule, place) && place->due_at < oldest) {
			oldest = place->due_at;
			*turn = (struct sync_turn){ .site = i };
		}
		if (is_duty_open(schedule, place) && place->duty_at < oldest) {
			oldest = place->duty_at;
			*turn = (struct sync_turn){ .site = i, .duty = true };
		}
	}
	*next_at = oldest;
	return oldest <= now;
}

static void wait_until(struct sync_schedule *schedule, int64_t at)
{
	struct timespec end = { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };

	if (at == INT64_MAX)
		pthread_cond_wait(&schedule->changed, &schedule->lock);
	else
		pthread_cond_timedwait(&schedule->changed, &schedule->lock, &end);
}

static void seat(struct sync_schedule *schedule, const struct sync_turn *turn)
{
	struct place *place = &schedule->places[turn->site];

	place->busy++;
	schedule->failing_busy += is_failing(place);
	if (turn->duty)
		place->on_duty = true;
	else
		place->looking = true;
}

bool sync_schedule_take(struct sync_schedule *schedule, struct sync_turn *turn)
{
	int64_t next_at;
	bool taken;

	pthread_mutex_lock(&schedule->lock);
	while (!schedule->stopped && !choose(schedule, monotonic_ms(), turn, &next_at))
		wait_until(schedule, next_at);
	taken = !schedule->stopped;
	if (taken)
		seat(schedule, turn);
	pthread_mutex_unlock(&schedule->lock);
	return taken;
}

static void count_failing(struct sync_schedule *schedule, const struct place *place, bool before)
{
	if (before != is_failing(place))
		schedule->failing_busy += before ? -place->busy : place->busy;
}

void sync_schedule_found(struct sync_schedule *schedule, struct sync_turn *turn)
{
	struct place *place = &schedule->places[turn->site];
	bool before;

	pthread_mutex_lock(&schedule->lock);
	before = is_failing(place);
	place->unanswered = 0;
	count_failing(schedule, place, before);
	turn->found = true;
	place->looking = false;
	place->due_at = place->worked_at = monotonic_ms();
	pthread_cond_broadcast(&schedule->changed);
	pthread_mutex_unlock(&schedule->lock);
}

/* That there is nothing to do says that Redis is well, and nothing of Stripe. */
static void note_outcome(struct sync_schedule *schedule, struct place *place,
    const struct sync_turn *turn, enum turn_outcome outcome)
{
	bool before = is_failing(place), only_looked = !turn->duty && !turn->found;

	if (outcome == TURN_WORKED)
		place->failures = 0;
	else if (outcome == TURN_FAILED && !only_looked)
		place->failures++;
	if (only_looked)
		place->unanswered = outcome == TURN_FAILED ? place->unanswered + 1 : 0;
	count_failing(schedule, place, before);
}

static int64_t pause_of(const struct place *place, enum turn_outcome outcome, int64_t now)
{
	int64_t backoff = BACKOFF_MAX_MS;
	int failures = place->failures + place->unanswered;

	if (outcome == TURN_WORKED)
		return 0;
	if (outcome == TURN_IDLE)
		return now - place->worked_at < QUIET_AFTER_MS ? PAUSE_BUSY_MS : PAUSE_QUIET_MS;
	if (failures < 4)
		backoff = (int64_t)BACKOFF_FIRST_MS << (failures - 1);
	return backoff;
}

void sync_schedule_give(struct sync_schedule *schedule, const struct sync_turn *turn,
    enum turn_outcome outcome, int64_t after_ms)
{
	struct place *place = &schedule->places[turn->site];
	int64_t now = monotonic_ms(), pause;

	pthread_mutex_lock(&schedule->lock);
	place->busy--;
	schedule->failing_busy -= is_failing(place);
	note_outcome(schedule, place, turn, outcome);
	pause = pause_of(place, outcome, now);
	if (pause < after_ms)
		pause = after_ms;
	if (turn->duty) {
		place->on_duty = false;
		place->duty_at = now + pause;
	} else if (!turn->found) {
		place->looking = false;
		place->due_at = now + pause;
	} else if (outcome == TURN_FAILED) {
		place->due_at = now + pause;
	}
	pthread_cond_broadcast(&schedule->changed);
	pthread_mutex_unlock(&schedule->lock);
}

void sync_schedule_stop(struct sync_schedule *schedule)
{
	pthread_mutex_lock(&schedule->lock);
	schedule->stopped = true;
	pthread_cond_broadcast(&schedule->changed);
	pthread_mutex_unlock(&schedule->lock);
}
