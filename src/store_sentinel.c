#include "store_sentinel.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "monotonic.h"
#include "store_reply.h"

#define CHECK_MS 1000
#define PATIENCE_MS 30000 /* before a Sentinel that kept us waiting is asked again */
#define URGENCY_MS 2000   /* the same without a master */
#define SERVERS_MAX 64

struct sentinel {
	redisContext *context; /* NULL = not connected */
	int64_t waited_at;     /* monotonic ms: when it last kept us waiting, 0 = it did not */
};

struct store_sentinels {
	const struct redis_settings *settings;
	size_t index;
	struct store_address address;
	struct sentinel sentinels[STORE_SENTINELS_MAX];
	struct store_endpoint master; /* as last told */
	int64_t asked_at;             /* monotonic ms */
};

/* What a Sentinel says. Each failover raises the epoch, and a majority has to
 * agree to it, so the higher one is the later one. */
struct testimony {
	struct store_endpoint master;
	long long epoch;
};

/* One line per change for the whole process, not one per thread. */
static _Atomic uint64_t silent[STORE_SENTINELS_MAX]; /* a bit per Redis */
static _Atomic long long announced[SERVERS_MAX];     /* epoch + 1; 0 = none */

struct store_sentinels *store_sentinels_new(const struct redis_settings *settings, size_t index,
    const struct store_address *address)
{
	struct store_sentinels *sentinels = calloc(1, sizeof(*sentinels));

	if (!sentinels)
		return NULL;
	sentinels->settings = settings;
	sentinels->index = index % SERVERS_MAX;
	sentinels->address = *address;
	return sentinels;
}

static void hang_up(struct sentinel *sentinel)
{
	redisFree(sentinel->context);
	sentinel->context = NULL;
}

void store_sentinels_free(struct store_sentinels *sentinels)
{
	if (!sentinels)
		return;
	for (size_t i = 0; i < sentinels->address.n_endpoints; i++)
		hang_up(&sentinels->sentinels[i]);
	free(sentinels);
}

static void endpoint_str(const struct store_endpoint *endpoint, char text[STORE_HOST_SIZE + 24])
{
	snprintf(text, STORE_HOST_SIZE + 24, "%s:%ld", endpoint->host, endpoint->port);
}

static void note_answer(const struct store_sentinels *sentinels, size_t i, bool answered,
    const char *why)
{
	uint64_t bit = UINT64_C(1) << sentinels->index;
	uint64_t before = answered ? atomic_fetch_and(&silent[i], ~bit) : atomic_fetch_or(&silent[i], bit);
	char name[STORE_HOST_SIZE + 24];

	if (answered == !(before & bit))
		return;
	endpoint_str(&sentinels->address.endpoints[i], name);
	if (answered)
		log_event(LOG_LEVEL_INFO, "sentinel answers again", "sentinel", name, NULL);
	else
		log_event(LOG_LEVEL_WARNING, "sentinel does not answer", "sentinel", name, "why", why, NULL);
}

static void announce(const struct store_sentinels *sentinels, const struct testimony *testimony)
{
	char name[STORE_HOST_SIZE + 24];

	if (atomic_exchange(&announced[sentinels->index], testimony->epoch + 1) == testimony->epoch + 1)
		return;
	endpoint_str(&testimony->master, name);
	log_event(LOG_LEVEL_INFO, "redis master", "redis", sentinels->settings->url, "master", name, NULL);
}

/* The element as text, "" when it is none. */
static const char *text_at(const redisReply *reply, size_t i)
{
	return reply->element[i]->type == REDIS_REPLY_STRING ? reply->element[i]->str : "";
}

/* Of SENTINEL MASTER's names and values. */
static bool epoch_decode(const redisReply *reply, long long *epoch)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		if (strcmp(text_at(reply, i), "config-epoch") == 0) {
			*epoch = store_number_parse(text_at(reply, i + 1));
			return true;
		}
	}
	return false;
}

static bool master_decode(const redisReply *reply, struct store_endpoint *master)
{
	if (!store_reply_is(reply, "ss") || !reply->element[0]->str[0]
	    || strlen(reply->element[0]->str) >= sizeof(master->host))
		return false;
	strcpy(master->host, reply->element[0]->str);
	master->port = strtol(reply->element[1]->str, NULL, 10);
	return master->port > 0 && master->port <= 65535;
}

/* The address that the first command tells is the new one from the moment on
 * that the new master is one; the second command's stays the old one until all
 * replicas have followed. Only the second tells the epoch. */
static bool question_send(redisContext *context, const char *name)
{
	const char *address[] = { "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name };
	const char *state[] = { "SENTINEL", "MASTER", name };

	return redisAppendCommandArgv(context, 3, address, NULL) == REDIS_OK
	    && redisAppendCommandArgv(context, 3, state, NULL) == REDIS_OK;
}

enum answer {
	ANSWER_NONE, /* the connection failed */
	ANSWER_NO,
	ANSWER_LOGIN,
	ANSWER_YES,
};

static enum answer answer_decode(const redisReply *address, const redisReply *state,
    struct testimony *testimony, char why[STORE_WHY_SIZE])
{
	if (address->type == REDIS_REPLY_ERROR) {
		snprintf(why, STORE_WHY_SIZE, "%s", address->str);
		return strncmp(address->str, "NOAUTH ", 7) == 0 ? ANSWER_LOGIN : ANSWER_NO;
	}
	snprintf(why, STORE_WHY_SIZE, "it knows no master of this name");
	return master_decode(address, &testimony->master) && epoch_decode(state, &testimony->epoch)
	    ? ANSWER_YES : ANSWER_NO;
}

static enum answer question(redisContext *context, const char *name, struct testimony *testimony,
    char why[STORE_WHY_SIZE])
{
	void *address = NULL, *state = NULL;
	enum answer answer = ANSWER_NONE;

	if (question_send(context, name) && redisGetReply(context, &address) == REDIS_OK
	    && redisGetReply(context, &state) == REDIS_OK)
		answer = answer_decode(address, state, testimony, why);
	else
		snprintf(why, STORE_WHY_SIZE, "%s", store_link_error(context));
	freeReplyObject(address);
	freeReplyObject(state);
	return answer;
}

/* Who has no password for Sentinels gets none: the login is Redis', and is only
 * shown to a Sentinel that asks for one. */
static enum answer question_with_login(const struct store_sentinels *sentinels,
    redisContext *context, struct testimony *testimony, char why[STORE_WHY_SIZE])
{
	const char *name = sentinels->address.master;
	enum answer answer = question(context, name, testimony, why);

	if (answer == ANSWER_LOGIN && store_link_login(context, sentinels->settings, why))
		answer = question(context, name, testimony, why);
	return answer;
}

static bool sentinel_ask(struct store_sentinels *sentinels, size_t i, struct testimony *testimony,
    char why[STORE_WHY_SIZE])
{
	struct sentinel *sentinel = &sentinels->sentinels[i];
	bool kept = sentinel->context != NULL;
	enum answer answer;

	for (;;) {
		if (!sentinel->context)
			sentinel->context = store_link_open(&sentinels->address.endpoints[i], why);
		if (!sentinel->context)
			return false;
		answer = question_with_login(sentinels, sentinel->context, testimony, why);
		if (answer == ANSWER_YES)
			return true;
		kept = kept && answer == ANSWER_NONE && store_link_dead(sentinel->context);
		hang_up(sentinel);
		if (!kept)
			return false;
		kept = false;
	}
}

/* One that is silent holds a request up once in a while, not all the time. */
static bool sentinel_due(const struct sentinel *sentinel, int64_t patience, int64_t now)
{
	return !sentinel->waited_at || now - sentinel->waited_at >= patience;
}

static bool testify(struct store_sentinels *sentinels, int64_t patience,
    struct testimony *latest, char why[STORE_WHY_SIZE])
{
	bool told = false;

	snprintf(why, STORE_WHY_SIZE, "no Sentinel answers");
	for (size_t i = 0; i < sentinels->address.n_endpoints; i++) {
		struct sentinel *sentinel = &sentinels->sentinels[i];
		int64_t began = monotonic_ms();
		struct testimony testimony = { .epoch = 0 };
		bool answered;

		if (!sentinel_due(sentinel, patience, began))
			continue;
		answered = sentinel_ask(sentinels, i, &testimony, why);
		sentinel->waited_at = !answered && monotonic_ms() - began >= STORE_TIMEOUT_MS / 2
		    ? monotonic_ms() : 0;
		note_answer(sentinels, i, answered, why);
		if (answered && (!told || testimony.epoch > latest->epoch))
			*latest = testimony;
		told = told || answered;
	}
	sentinels->asked_at = monotonic_ms();
	return told;
}

enum result store_sentinels_master(struct store_sentinels *sentinels,
    struct store_endpoint *master, char why[STORE_WHY_SIZE])
{
	struct testimony testimony;

	if (!testify(sentinels, URGENCY_MS, &testimony, why))
		return RESULT_UNAVAILABLE;
	announce(sentinels, &testimony);
	sentinels->master = testimony.master;
	*master = testimony.master;
	return RESULT_OK;
}

bool store_sentinels_moved(struct store_sentinels *sentinels, int64_t now)
{
	struct testimony testimony;
	char why[STORE_WHY_SIZE];

	return now - sentinels->asked_at >= CHECK_MS
	    && testify(sentinels, PATIENCE_MS, &testimony, why)
	    && !store_endpoint_same(&testimony.master, &sentinels->master);
}
