#include "store_tracking.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "monotonic.h"
#include "store.h"
#include "store_connection.h"
#include "store_sentinel.h"

#define PLACES 65536             /* a power of 2 */
#define TICK_MS 500              /* of silence, then Redis is asked; after another it is lost */
#define RECONNECT_MS 1000
#define REFUSED_MS 60000         /* an access control list or an old Redis: not soon mended */
#define CHANNEL "__redis__:invalidate"
#define PREFIXES_MAX 64
#define TRACKERS_MAX 64          /* each is a thread; what is on further servers is not kept */

/* What the gate keeps something of. */
static const char *const tracked_nouns[] = { "user", "customer" };
#define NOUNS (sizeof(tracked_nouns) / sizeof(tracked_nouns[0]))

/* One thread's. */
struct tracker {
	struct store_tracking *tracking;
	size_t redis_index;
	struct store_connection connection;
	bool asked;                  /* PING, and nothing came since */
	bool told;                   /* that it is not permitted: said once, and not each time */
	_Atomic uint64_t seen_from;  /* every change after this point is seen; 0 = none is */
	pthread_t thread;
};

struct store_tracking {
	const struct settings *settings;
	int stop;                    /* eventfd */
	_Atomic uint64_t changes;    /* so many so far, of all servers: the present point */
	_Atomic uint64_t places[PLACES]; /* the point of the last change */
	size_t n_trackers;
	struct tracker trackers[];
};

/* FNV-1a. Who finds two keys with one place has only made one of them be read more often. */
store_place store_tracking_place(const char *key)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return (store_place)((hash ^ hash >> 32) & (PLACES - 1));
}

static uint64_t seen_from(const struct store_tracking *tracking, const struct site *site)
{
	if (site->redis_index >= tracking->n_trackers)
		return 0;
	return atomic_load(&tracking->trackers[site->redis_index].seen_from);
}

uint64_t store_tracking_point(const struct store_tracking *tracking, const struct site *site)
{
	return seen_from(tracking, site) ? atomic_load(&tracking->changes) : 0;
}

bool store_tracking_unchanged(const struct store_tracking *tracking, const struct site *site,
    uint64_t point, const store_place *places, size_t n_places)
{
	uint64_t from = seen_from(tracking, site);

	if (!from || point < from)
		return false;
	for (size_t i = 0; i < n_places; i++)
		if (atomic_load(&tracking->places[places[i]]) > point)
			return false;
	return true;
}

static uint64_t next_point(struct tracker *tracker)
{
	return atomic_fetch_add(&tracker->tracking->changes, 1) + 1;
}

static void see_all_from_now(struct tracker *tracker)
{
	atomic_store(&tracker->seen_from, next_point(tracker));
}

/* Never back: keys of two servers, and so two threads, may share a place. */
static void move_place(_Atomic uint64_t *place, uint64_t point)
{
	uint64_t before = atomic_load(place);

	while (before < point && !atomic_compare_exchange_weak(place, &before, point))
		;
}

static void note_change(struct tracker *tracker, const redisReply *key)
{
	if (key->type == REDIS_REPLY_STRING)
		move_place(&tracker->tracking->places[store_tracking_place(key->str)], next_point(tracker));
}

/* "message", the channel, the keys; without keys all of them were flushed. A
 * "pong" says nothing but that it came. */
static void note_message(struct tracker *tracker, const redisReply *reply)
{
	const redisReply *keys;

	tracker->asked = false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
		return;
	keys = reply->element[2];
	if (keys->type != REDIS_REPLY_ARRAY) {
		see_all_from_now(tracker);
		return;
	}
	for (size_t i = 0; i < keys->elements; i++)
		note_change(tracker, keys->element[i]);
}

static bool read_messages(struct tracker *tracker)
{
	redisContext *context = tracker->connection.context;
	void *reply = NULL;

	if (redisBufferRead(context) != REDIS_OK)
		return false;
	while (redisGetReplyFromReader(context, &reply) == REDIS_OK && reply) {
		note_message(tracker, reply);
		freeReplyObject(reply);
		reply = NULL;
	}
	return context->err == 0;
}

/* After a tick without a word. */
static bool ask(struct tracker *tracker)
{
	redisContext *context = tracker->connection.context;
	int written = 0;

	if (tracker->asked || redisAppendCommand(context, "PING") != REDIS_OK)
		return false;
	tracker->asked = true;
	while (!written)
		if (redisBufferWrite(context, &written) != REDIS_OK)
			return false;
	return true;
}

/* Behind Sentinels another server may have become the master, and this one never say so. */
static bool still_the_server(const struct tracker *tracker)
{
	struct store_sentinels *sentinels = tracker->connection.sentinels;

	return !sentinels || !store_sentinels_moved(sentinels, monotonic_ms());
}

enum event { EVENT_STOP, EVENT_DATA, EVENT_SILENCE };

static enum event wait_for_event(const struct tracker *tracker, int fd, int ms)
{
	struct pollfd fds[] = {
		{ .fd = tracker->tracking->stop, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	if (poll(fds, fd < 0 ? 1 : 2, ms) <= 0)
		return EVENT_SILENCE;
	return fds[0].revents ? EVENT_STOP : EVENT_DATA;
}

/* Until it is to stop, or changes may have been missed. */
static enum event follow(struct tracker *tracker)
{
	enum event event;
	bool sound = true;

	tracker->asked = false;
	see_all_from_now(tracker);
	do {
		event = wait_for_event(tracker, tracker->connection.context->fd, TICK_MS);
		if (event == EVENT_DATA)
			sound = read_messages(tracker);
		else if (event == EVENT_SILENCE)
			sound = ask(tracker);
	} while (event != EVENT_STOP && sound && still_the_server(tracker));
	atomic_store(&tracker->seen_from, 0);
	return event;
}

/* A user for each site is not permitted it, and rightly: that is no fault. */
static void tell_not_permitted(struct tracker *tracker)
{
	if (tracker->told)
		return;
	tracker->told = true;
	log_event(LOG_LEVEL_INFO, "redis is asked each time: its user may not follow changes",
	    "redis", tracker->connection.settings->url, "user", tracker->connection.settings->user, NULL);
}

static enum result command(struct tracker *tracker, size_t argc, const char **argv, redisReply **reply)
{
	redisReply *raw;
	enum result result = store_connection_ask(&tracker->connection, argc, argv, NULL, &raw);

	if (result != RESULT_OK)
		return result;
	if (raw->type != REDIS_REPLY_ERROR || !store_error_is(raw, "NOPERM "))
		return store_connection_judge(&tracker->connection, raw, reply);
	freeReplyObject(raw);
	tell_not_permitted(tracker);
	return RESULT_INTERNAL;
}

static enum result tell(struct tracker *tracker, size_t argc, const char **argv)
{
	redisReply *reply = NULL;
	enum result result = command(tracker, argc, argv, &reply);

	freeReplyObject(reply);
	return result;
}

static enum result read_own_id(struct tracker *tracker, char id[24])
{
	const char *argv[] = { "CLIENT", "ID" };
	redisReply *reply = NULL;
	enum result result = command(tracker, 2, argv, &reply);

	if (result != RESULT_OK)
		return result;
	if (reply->type != REDIS_REPLY_INTEGER || snprintf(id, 24, "%lld", reply->integer) < 0)
		result = RESULT_INTERNAL;
	freeReplyObject(reply);
	return result;
}

/* What keys begin with, for each noun of each site of this Redis. Redis compares
 * each key that is written with all of them, so of many sites all keys are followed. */
static size_t list_prefixes(const struct tracker *tracker, char (*prefixes)[STORE_KEY_SIZE])
{
	const struct settings *settings = tracker->tracking->settings;
	size_t n = 0;

	for (size_t i = 0; i < settings->n_sites; i++) {
		const struct site *site = &settings->sites[i];

		if (site->redis_index != tracker->redis_index)
			continue;
		if (n + NOUNS > PREFIXES_MAX) {
			memcpy(prefixes[0], STORE_KEY_BEGIN, sizeof(STORE_KEY_BEGIN));
			return 1;
		}
		for (size_t j = 0; j < NOUNS; j++)
			n += store_key(prefixes[n], site, tracked_nouns[j], "");
	}
	return n;
}

/* A connection that is told of its own accord is one thing that can fail, not two. */
static enum result turn_on(struct tracker *tracker, const char *id)
{
	const char *argv[6 + 2 * PREFIXES_MAX] = { "CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST" };
	char prefixes[PREFIXES_MAX][STORE_KEY_SIZE];
	size_t n = list_prefixes(tracker, prefixes);

	for (size_t i = 0; i < n; i++) {
		argv[6 + 2 * i] = "PREFIX";
		argv[7 + 2 * i] = prefixes[i];
	}
	return tell(tracker, 6 + 2 * n, argv);
}

/* All on one connection: one that took its place in between would follow nothing, and is
 * refused the id of the old one. */
static enum result subscribe(struct tracker *tracker)
{
	const char *argv[] = { "SUBSCRIBE", CHANNEL };
	char id[24];
	enum result result = read_own_id(tracker, id);
	unsigned opened = tracker->connection.opened;

	if (result == RESULT_OK)
		result = turn_on(tracker, id);
	if (result == RESULT_OK)
		result = tell(tracker, 2, argv);
	return tracker->connection.opened != opened ? RESULT_UNAVAILABLE : result;
}

static void *track(void *argument)
{
	struct tracker *tracker = argument;
	const struct redis_settings *settings = tracker->tracking->settings->redis[tracker->redis_index];
	enum event event = EVENT_SILENCE;

	while (event != EVENT_STOP &&
	    store_connection_init(&tracker->connection, settings, tracker->redis_index)) {
		enum result result = subscribe(tracker);

		if (result == RESULT_OK)
			event = follow(tracker);
		store_connection_close(&tracker->connection);
		if (event != EVENT_STOP)
			event = wait_for_event(tracker, -1,
			    result == RESULT_INTERNAL ? REFUSED_MS : RECONNECT_MS);
	}
	return NULL;
}

static bool start(struct store_tracking *tracking, size_t redis_index)
{
	struct tracker *tracker = &tracking->trackers[redis_index];

	tracker->tracking = tracking;
	tracker->redis_index = redis_index;
	return pthread_create(&tracker->thread, NULL, track, tracker) == 0;
}

struct store_tracking *store_tracking_new(const struct settings *settings)
{
	size_t n = settings->n_redis < TRACKERS_MAX ? settings->n_redis : TRACKERS_MAX;
	struct store_tracking *tracking = calloc(1, sizeof(*tracking) + n * sizeof(tracking->trackers[0]));

	if (!tracking)
		return NULL;
	tracking->settings = settings;
	tracking->stop = eventfd(0, EFD_CLOEXEC);
	while (tracking->stop >= 0 && tracking->n_trackers < n && start(tracking, tracking->n_trackers))
		tracking->n_trackers++;
	if (tracking->stop >= 0 && tracking->n_trackers == n)
		return tracking;
	store_tracking_free(tracking);
	return NULL;
}

void store_tracking_free(struct store_tracking *tracking)
{
	if (!tracking)
		return;
	if (tracking->stop >= 0) {
		eventfd_write(tracking->stop, 1);
		for (size_t i = 0; i < tracking->n_trackers; i++)
			pthread_join(tracking->trackers[i].thread, NULL);
		close(tracking->stop);
	}
	free(tracking);
}
