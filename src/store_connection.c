#include "store_connection.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "monotonic.h"
#include "store_address.h"
#include "store_link.h"
#include "store_sentinel.h"

#define BACKOFF_MS 100 /* after it kept us waiting nobody waits for this server again */
#define SERVERS_MAX 256 /* more than these share their place, and so their pauses */
#define REFUSAL_LOG_MS 60000
#define MASTER_TRIES 2 /* the Sentinels may learn of a failover while we connect */

/* Of each server, for the whole process: one line per change, not one per
 * thread; and no more than one thread that waits for a server which kept us
 * waiting, or the sites on other servers would soon find no thread. */
static _Atomic bool unreachable[SERVERS_MAX];
static _Atomic int64_t retry_at[SERVERS_MAX]; /* monotonic ms, 0 = it answers */

bool store_connection_init(struct store_connection *connection,
    const struct redis_settings *settings, size_t index)
{
	struct store_address address;

	*connection = (struct store_connection){ .settings = settings, .index = index };
	if (!store_address_parse(settings->url, &address) || !address.master[0])
		return true;
	connection->sentinels = store_sentinels_new(settings, index, &address);
	return connection->sentinels != NULL;
}

static void disconnect(struct store_connection *connection)
{
	redisFree(connection->context);
	connection->context = NULL;
}

void store_connection_close(struct store_connection *connection)
{
	disconnect(connection);
	store_sentinels_free(connection->sentinels);
}

static size_t place(const struct store_connection *connection)
{
	return connection->index % SERVERS_MAX;
}

static void note_reachable(const struct store_connection *connection)
{
	atomic_store(&retry_at[place(connection)], 0);
	if (atomic_exchange(&unreachable[place(connection)], false))
		log_event(LOG_LEVEL_INFO, "redis reachable again", "redis", connection->settings->url, NULL);
}

static void note_unreachable(const struct store_connection *connection, const char *why)
{
	if (!atomic_exchange(&unreachable[place(connection)], true))
		log_event(LOG_LEVEL_ERROR, "redis unreachable", "redis", connection->settings->url,
		    "user", connection->settings->user, "why", why, NULL);
}

/* The first word of what the server, or the way to it, has said. */
static void keep_refusal(struct store_connection *connection, const char *said)
{
	size_t length = strcspn(said, " ");

	if (length >= sizeof(connection->refusal))
		length = sizeof(connection->refusal) - 1;
	memcpy(connection->refusal, said, length);
	connection->refusal[length] = '\0';
}

static enum result connection_fail(struct store_connection *connection, const char *why)
{
	int64_t now = monotonic_ms();
	bool waited = now - connection->asked_at >= STORE_TIMEOUT_MS / 2;

	note_unreachable(connection, why);
	keep_refusal(connection, why);
	disconnect(connection);
	atomic_store(&retry_at[place(connection)], waited ? now + BACKOFF_MS : 0);
	return RESULT_UNAVAILABLE;
}

/* Whoever may leaves the others a pause in which they may not. */
static bool may_try(const struct store_connection *connection)
{
	int64_t now = monotonic_ms();
	int64_t at = atomic_load(&retry_at[place(connection)]);

	return at == 0 || (now >= at && atomic_compare_exchange_strong(&retry_at[place(connection)],
	    &at, now + STORE_TIMEOUT_MS + BACKOFF_MS));
}

static bool select_db(redisContext *context, long db, char why[STORE_WHY_SIZE])
{
	char number[24];
	const char *argv[] = { "SELECT", number };

	if (db == 0)
		return true;
	snprintf(number, sizeof(number), "%ld", db);
	return store_link_tell(context, 2, argv, why);
}

static redisContext *server_open(const struct redis_settings *settings,
    const struct store_endpoint *endpoint, long db, char why[STORE_WHY_SIZE])
{
	redisContext *context = store_link_open(endpoint, why);

	if (context && store_link_login(context, settings, why) && select_db(context, db, why))
		return context;
	redisFree(context);
	return NULL;
}

static bool is_master(redisContext *context, char why[STORE_WHY_SIZE])
{
	redisReply *reply = redisCommand(context, "ROLE");
	bool master = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
	    && reply->element[0]->type == REDIS_REPLY_STRING
	    && strcmp(reply->element[0]->str, "master") == 0;

	if (!reply)
		snprintf(why, STORE_WHY_SIZE, "%s", store_link_error(context));
	else if (reply->type == REDIS_REPLY_ERROR)
		snprintf(why, STORE_WHY_SIZE, "%s", reply->str);
	else if (!master)
		snprintf(why, STORE_WHY_SIZE, "the Sentinels name a server that is no master");
	freeReplyObject(reply);
	return master;
}

static redisContext *master_open(const struct store_connection *connection, long db,
    char why[STORE_WHY_SIZE])
{
	for (int i = 0; i < MASTER_TRIES; i++) {
		struct store_endpoint master;
		redisContext *context;

		if (store_sentinels_master(connection->sentinels, &master, why) != RESULT_OK)
			return NULL;
		context = server_open(connection->settings, &master, db, why);
		if (!context || is_master(context, why))
			return context;
		redisFree(context);
	}
	return NULL;
}

static enum result connect_server(struct store_connection *connection)
{
	struct store_address address;
	char why[STORE_WHY_SIZE];

	if (!may_try(connection))
		return RESULT_UNAVAILABLE;
	if (!store_address_parse(connection->settings->url, &address))
		return connection_fail(connection, "address not understood");
	connection->context = connection->sentinels
	    ? master_open(connection, address.db, why)
	    : server_open(connection->settings, &address.endpoints[0], address.db, why);
	if (!connection->context)
		return connection_fail(connection, why);
	connection->opened++;
	return RESULT_OK;
}

/* Nothing of a refused command was done: a script is refused at its first write. */
static bool refused_by_replica(const struct store_connection *connection, const redisReply *reply)
{
	return connection->sentinels && reply->type == REDIS_REPLY_ERROR
	    && store_error_is(reply, "READONLY ");
}

enum result store_connection_ask(struct store_connection *connection, size_t argc,
    const char **argv, const size_t *lengths, redisReply **reply)
{
	enum result result;
	bool kept;

	connection->asked_at = monotonic_ms();
	if (connection->context && connection->sentinels
	    && store_sentinels_moved(connection->sentinels, connection->asked_at))
		disconnect(connection);
	kept = connection->context != NULL;
	for (;;) {
		if (!connection->context && (result = connect_server(connection)) != RESULT_OK)
			return result;
		*reply = redisCommandArgv(connection->context, (int)argc, argv, lengths);
		if (*reply && !kept)
			note_reachable(connection);
		if (*reply && !(kept && refused_by_replica(connection, *reply)))
			return RESULT_OK;
		if (!*reply && !(kept && store_link_dead(connection->context)))
			return connection_fail(connection, store_link_error(connection->context));
		freeReplyObject(*reply);
		disconnect(connection);
		kept = false;
	}
}

/* Older servers put a script's error behind their own: "ERR Error running script …: -OOM …". */
bool store_error_is(const redisReply *reply, const char *word)
{
	char inner[32];

	if (strncmp(reply->str, word, strlen(word)) == 0)
		return true;
	snprintf(inner, sizeof(inner), ": -%s", word);
	return strstr(reply->str, inner) != NULL;
}

/* What passes by itself or by the operator's hand: Stripe and the user may try again. */
static bool error_passes(const redisReply *reply)
{
	static const char *const words[] = {
		"OOM ", "READONLY ", "LOADING ", "MISCONF ", "NOREPLICAS ", "MASTERDOWN ", "BUSY ",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (store_error_is(reply, words[i]))
			return true;
	}
	return false;
}

/* Each kind of refusal once a minute, not per request. */
static void log_refusal(struct store_connection *connection, const redisReply *reply)
{
	int64_t now = monotonic_ms();
	char before[sizeof(connection->refusal)];

	memcpy(before, connection->refusal, sizeof(before));
	keep_refusal(connection, reply->str);
	if (strcmp(before, connection->refusal) == 0
	    && now - connection->refusal_logged_at < REFUSAL_LOG_MS)
		return;
	connection->refusal_logged_at = now;
	log_event(LOG_LEVEL_ERROR, "redis refuses", "redis", connection->settings->url,
	    "why", reply->str, NULL);
}

bool store_connection_locked_out(const struct store_connection *connection)
{
	static const char *const words[] = { "WRONGPASS", "NOAUTH", "NOPERM" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(connection->refusal, words[i]) == 0)
			return true;
	}
	return false;
}

enum result store_connection_judge(struct store_connection *connection, redisReply *reply,
    redisReply **out)
{
	enum result result;

	if (reply->type != REDIS_REPLY_ERROR) {
		*out = reply;
		return RESULT_OK;
	}
	result = error_passes(reply) ? RESULT_UNAVAILABLE : RESULT_INTERNAL;
	log_refusal(connection, reply);
	freeReplyObject(reply);
	return result;
}
