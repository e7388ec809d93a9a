#include "store.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "hex.h"
#include "log.h"
#include "monotonic.h"

#define TIMEOUT_MS 200
#define BACKOFF_MS 100         /* after it kept us waiting nobody waits for this server again */
#define REFUSAL_LOG_MS 60000
#define ARGUMENTS_MAX 64
#define DIGEST_SIZE 41

struct connection {
	const struct redis_settings *settings;
	size_t index;
	redisContext *context;     /* NULL = not connected */
	int64_t asked_at;          /* monotonic ms */
	int64_t failed_at;         /* monotonic ms: when it last kept us waiting, 0 = it did not */
	int64_t refusal_logged_at; /* monotonic ms */
	char refusal[16];          /* the word of the error that was logged, "" = none */
};

struct digest {
	const struct store_script *script;
	char hex[DIGEST_SIZE];
};

struct store {
	struct digest *digests;
	size_t n_digests;
	size_t n_connections;
	struct connection connections[];
};

struct address {
	bool unix_socket;
	char name[256]; /* path or host */
	long port;
	long db;
};

/* A bit per server: one line per change for the whole process, not one per thread. */
static _Atomic uint64_t unreachable;

static bool name_take(struct address *address, const char *text, size_t length)
{
	if (length == 0 || length >= sizeof(address->name))
		return false;
	memcpy(address->name, text, length);
	address->name[length] = '\0';
	return true;
}

/* A number behind `mark`; without the mark the default stays. */
static bool number_take(const char **cursor, char mark, long max, long *number)
{
	const char *digits = *cursor + 1;
	size_t length;

	if (**cursor != mark)
		return true;
	length = strspn(digits, "0123456789");
	if (length == 0 || length > 9)
		return false;
	*number = strtol(digits, NULL, 10);
	*cursor = digits + length;
	return *number <= max;
}

/* host[:port][/db], an IPv6 host in brackets */
static bool tcp_parse(const char *text, struct address *address)
{
	bool bracketed = *text == '[';
	const char *host = bracketed ? text + 1 : text;
	const char *cursor = host + strcspn(host, bracketed ? "]" : ":/");

	if (!name_take(address, host, (size_t)(cursor - host)))
		return false;
	if (bracketed && *cursor++ != ']')
		return false;
	return number_take(&cursor, ':', 65535, &address->port)
	    && number_take(&cursor, '/', 1000000, &address->db) && *cursor == '\0';
}

static bool address_parse(const char *url, struct address *address)
{
	*address = (struct address){ .port = 6379 };
	if (strncmp(url, "unix:", 5) == 0) {
		address->unix_socket = true;
		return name_take(address, url + 5, strlen(url + 5));
	}
	return strncmp(url, "tcp://", 6) == 0 && tcp_parse(url + 6, address);
}

struct store *store_new(const struct settings *settings)
{
	struct store *store = calloc(1, sizeof(*store) + settings->n_redis * sizeof(struct connection));

	if (!store)
		return NULL;
	store->n_connections = settings->n_redis;
	for (size_t i = 0; i < settings->n_redis; i++) {
		store->connections[i].settings = settings->redis[i];
		store->connections[i].index = i;
	}
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->n_connections; i++)
		redisFree(store->connections[i].context);
	free(store->digests);
	free(store);
}

static uint64_t server_bit(const struct connection *connection)
{
	return UINT64_C(1) << (connection->index % 64);
}

static void note_reachable(const struct connection *connection)
{
	if (atomic_fetch_and(&unreachable, ~server_bit(connection)) & server_bit(connection))
		log_event(LOG_LEVEL_INFO, "redis reachable again", "redis", connection->settings->url, NULL);
}

static void note_unreachable(const struct connection *connection, const char *why)
{
	if (!(atomic_fetch_or(&unreachable, server_bit(connection)) & server_bit(connection)))
		log_event(LOG_LEVEL_ERROR, "redis unreachable", "redis", connection->settings->url,
		    "why", why, NULL);
}

static void disconnect(struct connection *connection)
{
	redisFree(connection->context);
	connection->context = NULL;
}

static enum result connection_fail(struct connection *connection, const char *why)
{
	int64_t now = monotonic_ms();

	note_unreachable(connection, why);
	disconnect(connection);
	connection->failed_at = now - connection->asked_at >= TIMEOUT_MS / 2 ? now : 0;
	return RESULT_UNAVAILABLE;
}

static const char *context_error(const redisContext *context)
{
	if (!context)
		return "out of memory";
	return context->err ? context->errstr : "no answer";
}

/* One step of a new connection's greeting. */
static enum result greet(struct connection *connection, int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(connection->context, argc, argv, NULL);
	enum result result = RESULT_OK;

	if (!reply)
		result = connection_fail(connection, context_error(connection->context));
	else if (reply->type == REDIS_REPLY_ERROR)
		result = connection_fail(connection, reply->str);
	freeReplyObject(reply);
	return result;
}

static enum result authenticate(struct connection *connection)
{
	const struct redis_settings *settings = connection->settings;
	const char *with_user[] = { "AUTH", settings->user, settings->password.text };
	const char *without[] = { "AUTH", settings->password.text };

	if (!settings->password.text)
		return RESULT_OK;
	return settings->user ? greet(connection, 3, with_user) : greet(connection, 2, without);
}

static enum result select_db(struct connection *connection, long db)
{
	char number[24];
	const char *argv[] = { "SELECT", number };

	if (db == 0)
		return RESULT_OK;
	snprintf(number, sizeof(number), "%ld", db);
	return greet(connection, 2, argv);
}

static redisContext *context_new(const struct address *address)
{
	const struct timeval timeout = { .tv_usec = TIMEOUT_MS * 1000 };
	redisContext *context = address->unix_socket
	    ? redisConnectUnixWithTimeout(address->name, timeout)
	    : redisConnectWithTimeout(address->name, (int)address->port, timeout);

	if (context && !context->err)
		redisSetTimeout(context, timeout);
	return context;
}

static enum result connect_server(struct connection *connection)
{
	struct address address;
	enum result result;

	if (connection->failed_at && monotonic_ms() - connection->failed_at < BACKOFF_MS)
		return RESULT_UNAVAILABLE;
	if (!address_parse(connection->settings->url, &address))
		return connection_fail(connection, "address not understood");
	connection->context = context_new(&address);
	if (!connection->context || connection->context->err)
		return connection_fail(connection, context_error(connection->context));
	result = authenticate(connection);
	if (result == RESULT_OK)
		result = select_db(connection, address.db);
	if (result != RESULT_OK)
		return result;
	connection->failed_at = 0;
	note_reachable(connection);
	return RESULT_OK;
}

/* The server closed a kept connection, as its `timeout` or a restart does; a
 * server that is too slow is not dead and is not asked twice. */
static bool connection_dead(const redisContext *context)
{
	return context->err == REDIS_ERR_EOF
	    || (context->err == REDIS_ERR_IO && (errno == EPIPE || errno == ECONNRESET));
}

/* Any reply, error replies too. A command whose reply was lost with a dead
 * connection is sent again, so whoever writes must stand a second run: our
 * scripts compare before they write, apply.lua by the event's id. */
static enum result exchange(struct connection *connection, size_t argc, const char **argv,
    const size_t *lengths, redisReply **reply)
{
	bool kept = connection->context != NULL;
	enum result result;

	connection->asked_at = monotonic_ms();
	for (;;) {
		if (!connection->context && (result = connect_server(connection)) != RESULT_OK)
			return result;
		*reply = redisCommandArgv(connection->context, (int)argc, argv, lengths);
		if (*reply)
			return RESULT_OK;
		if (!kept || !connection_dead(connection->context))
			return connection_fail(connection, context_error(connection->context));
		disconnect(connection);
		kept = false;
	}
}

/* Older servers put a script's error behind their own: "ERR Error running script …: -OOM …". */
static bool error_is(const redisReply *reply, const char *word)
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
		if (error_is(reply, words[i]))
			return true;
	}
	return false;
}

/* Each kind of refusal once a minute, not per request. */
static void log_refusal(struct connection *connection, const redisReply *reply)
{
	int64_t now = monotonic_ms();
	char word[sizeof(connection->refusal)] = "";

	memcpy(word, reply->str, strnlen(reply->str, sizeof(word) - 1));
	word[strcspn(word, " ")] = '\0';
	if (strcmp(word, connection->refusal) == 0
	    && now - connection->refusal_logged_at < REFUSAL_LOG_MS)
		return;
	memcpy(connection->refusal, word, sizeof(word));
	connection->refusal_logged_at = now;
	log_event(LOG_LEVEL_ERROR, "redis refuses", "redis", connection->settings->url,
	    "why", reply->str, NULL);
}

/* Takes over the reply; *out is written only when it is no error. */
static enum result judge(struct connection *connection, redisReply *reply, redisReply **out)
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

enum result store_command(struct store *store, const struct site *site, size_t argc,
    const char **argv, const size_t *lengths, struct redisReply **reply)
{
	struct connection *connection = &store->connections[site->redis_index];
	redisReply *raw;
	enum result result = exchange(connection, argc, argv, lengths, &raw);

	return result == RESULT_OK ? judge(connection, raw, reply) : result;
}

enum result store_words(struct store *store, const struct site *site, struct redisReply **reply, ...)
{
	const char *argv[ARGUMENTS_MAX];
	size_t argc = 0;
	va_list words;

	va_start(words, reply);
	while (argc < ARGUMENTS_MAX && (argv[argc] = va_arg(words, const char *)))
		argc++;
	va_end(words);
	if (argc == ARGUMENTS_MAX)
		return RESULT_INTERNAL;
	return store_command(store, site, argc, argv, NULL, reply);
}

void store_reply_free(struct redisReply *reply)
{
	freeReplyObject(reply);
}

/* SHA-1 is Redis' name for a script's text, nothing that protects. */
static bool digest_make(const char *text, char hex[DIGEST_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned length;

	if (!EVP_Digest(text, strlen(text), bytes, &length, EVP_sha1(), NULL))
		return false;
	hex_encode(hex, bytes, length);
	return true;
}

static const char *script_digest(struct store *store, const struct store_script *script)
{
	struct digest *grown;

	for (size_t i = 0; i < store->n_digests; i++) {
		if (store->digests[i].script == script)
			return store->digests[i].hex;
	}
	grown = realloc(store->digests, (store->n_digests + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	store->digests = grown;
	grown += store->n_digests;
	if (!digest_make(script->text, grown->hex))
		return NULL;
	grown->script = script;
	store->n_digests++;
	return grown->hex;
}

enum result store_script_run(struct store *store, const struct site *site,
    const struct store_script *script, size_t n_keys, size_t argc, const char **argv,
    struct redisReply **reply)
{
	struct connection *connection = &store->connections[site->redis_index];
	const char *words[ARGUMENTS_MAX] = { "EVALSHA", script_digest(store, script) };
	char key_count[24];
	redisReply *raw;
	enum result result;

	if (!words[1] || argc + 3 > ARGUMENTS_MAX)
		return RESULT_INTERNAL;
	snprintf(key_count, sizeof(key_count), "%zu", n_keys);
	words[2] = key_count;
	memcpy(words + 3, argv, argc * sizeof(*argv));
	result = exchange(connection, argc + 3, words, NULL, &raw);
	if (result == RESULT_OK && raw->type == REDIS_REPLY_ERROR && error_is(raw, "NOSCRIPT ")) {
		freeReplyObject(raw);
		words[0] = "EVAL";
		words[1] = script->text;
		result = exchange(connection, argc + 3, words, NULL, &raw);
	}
	return result == RESULT_OK ? judge(connection, raw, reply) : result;
}

bool store_key(char key[STORE_KEY_SIZE], const struct site *site, const char *noun, const char *id)
{
	int length = snprintf(key, STORE_KEY_SIZE, "tollgate:{%s}:%s%s%s", site->name, noun,
	    id ? ":" : "", id ? id : "");

	return length > 0 && length < STORE_KEY_SIZE;
}

static void check_policy(const struct connection *connection, const char *info)
{
	if (!strstr(info, "\nmaxmemory_policy:"))
		log_event(LOG_LEVEL_WARNING, "redis does not tell its maxmemory-policy",
		    "redis", connection->settings->url, NULL);
	else if (!strstr(info, "\nmaxmemory_policy:noeviction"))
		log_event(LOG_LEVEL_WARNING,
		    "redis may evict records: set maxmemory-policy noeviction",
		    "redis", connection->settings->url, NULL);
}

enum result store_inspect(struct store *store, const struct site *site, struct problem *problem)
{
	struct connection *connection = &store->connections[site->redis_index];
	struct address address;
	redisReply *reply;
	enum result result = RESULT_OK;

	if (strncmp(connection->settings->url, "sentinel://", 11) == 0)
		return problem_set(problem, RESULT_INVALID, "redis_sentinel", "redis",
		    "sentinel:// is not supported yet: name the server with unix: or tcp://");
	if (!address_parse(connection->settings->url, &address))
		return problem_set(problem, RESULT_INVALID, "redis_address", "redis",
		    "redis is neither unix:PATH nor tcp://host:port/db");
	if (store_words(store, site, &reply, "INFO", NULL) != RESULT_OK)
		return problem_store(problem);
	if (reply->type != REDIS_REPLY_STRING)
		result = problem_store(problem);
	else if (strstr(reply->str, "\ncluster_enabled:1"))
		result = problem_set(problem, RESULT_INVALID, "redis_cluster", "redis",
		    "a Redis Cluster is not supported: name a single server");
	else
		check_policy(connection, reply->str);
	store_reply_free(reply);
	return result;
}
