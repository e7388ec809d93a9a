/* One thread's connection to one site's Redis: kept, replaced once when it died. */
#ifndef TOLLGATE_STORE_CONNECTION_H
#define TOLLGATE_STORE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"
#include "settings.h"

struct redisContext;
struct redisReply;
struct store_sentinels;

struct store_connection {
	const struct redis_settings *settings;
	size_t index;
	struct redisContext *context;      /* NULL = not connected */
	unsigned opened;                   /* how often: what was said to an earlier one is forgotten */
	struct store_sentinels *sentinels; /* NULL = the URL names the server itself */
	int64_t asked_at;                  /* monotonic ms */
	int64_t refusal_logged_at;         /* monotonic ms */
	char refusal[16];                  /* the first word of the latest error, "" = none */
};

/* Connects on first use. False when there is no memory. */
bool store_connection_init(struct store_connection *connection,
    const struct redis_settings *settings, size_t index);
void store_connection_close(struct store_connection *connection);

/* Any reply, error replies too. A command whose reply was lost with a dead
 * connection is sent again, so whoever writes must stand a second run: our
 * scripts compare before they write, apply.lua by the event's id. */
enum result store_connection_ask(struct store_connection *connection, size_t argc,
    const char **argv, const size_t *lengths, struct redisReply **reply);
/* Takes over the reply; *out is written only when it is no error. Logs what is. */
enum result store_connection_judge(struct store_connection *connection,
    struct redisReply *reply, struct redisReply **out);
/* Whether the latest error was that this user may not log in, or may do too little. */
bool store_connection_locked_out(const struct store_connection *connection);
/* Whether an error reply begins with this word, inside of a script too. */
bool store_error_is(const struct redisReply *reply, const char *word);

#endif
