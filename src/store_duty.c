#include "store_duty.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "store_reply.h"

#define FIELD_SIZE 64
#define RENEWAL_PAGE "500"

/* KEYS: duty, lock. ARGV: field, interval, token, ttl in ms. Returns seconds to
 * wait, 0 = begun, maybe by a command whose reply got lost. */
static const struct store_script begin_script = { "duty_begin",
	"local now = tonumber(redis.call('TIME')[1])\n"
	"local at = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))\n"
	"local due = (at or 0) + ARGV[2] - now\n"
	"if at and due > 0 and ARGV[2] ~= '0' then return due end\n"
	"if redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4])\n"
	"	or redis.call('GET', KEYS[2]) == ARGV[3] then return 0 end\n"
	"return math.ceil(math.max(redis.call('PTTL', KEYS[2]), 1) / 1000)\n" };

/* KEYS: lock. ARGV: token, ttl in ms. */
static const struct store_script renew_script = { "duty_renew",
	"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
	"return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n" };

/* KEYS: duty, lock. ARGV: field, token, 1 = done. */
static const struct store_script end_script = { "duty_end",
	"if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end\n"
	"redis.call('DEL', KEYS[2])\n"
	"if ARGV[3] == '1' then redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1]) end\n"
	"return 1\n" };

/* KEYS: renewals, dirty. ARGV: until, now, from, at most. */
static const struct store_script renewal_script = { "renewal",
	"local near = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', ARGV[3], ARGV[4])\n"
	"for _, customer in ipairs(near) do redis.call('ZADD', KEYS[2], 'NX', ARGV[2], customer) end\n"
	"return #near\n" };

static bool keys_make(char duty[STORE_KEY_SIZE], char lock[STORE_KEY_SIZE],
    const struct site *site, const char *name)
{
	return store_key(duty, site, "duty", NULL) && store_key(lock, site, "duty", name);
}

static bool field_make(char field[FIELD_SIZE], const char *name)
{
	int length = snprintf(field, FIELD_SIZE, "%s_at", name);

	return length > 0 && length < FIELD_SIZE;
}

enum result store_duty_begin(struct store *store, const struct site *site, const char *name,
    int64_t interval, int64_t ttl_ms, struct store_duty *duty, int64_t *due_in)
{
	char key[STORE_KEY_SIZE], lock[STORE_KEY_SIZE], field[FIELD_SIZE], seconds[24], ttl[24];
	struct store_duty begun = { .name = name };
	const char *argv[] = { key, lock, field, seconds, begun.token, ttl };
	enum result result;

	if (!keys_make(key, lock, site, name) || !field_make(field, name) || !hex_random(begun.token))
		return RESULT_INTERNAL;
	snprintf(seconds, sizeof(seconds), "%" PRId64, interval);
	snprintf(ttl, sizeof(ttl), "%" PRId64, ttl_ms);
	result = store_script_integer(store, site, &begin_script, 2, 6, argv, due_in);
	if (result != RESULT_OK)
		return result;
	if (*due_in > 0)
		return RESULT_NOT_FOUND;
	*duty = begun;
	return RESULT_OK;
}

enum result store_duty_renew(struct store *store, const struct site *site,
    const struct store_duty *duty, int64_t ttl_ms)
{
	char key[STORE_KEY_SIZE], lock[STORE_KEY_SIZE], ttl[24];
	const char *argv[] = { lock, duty->token, ttl };
	int64_t renewed = 0;
	enum result result;

	if (!keys_make(key, lock, site, duty->name))
		return RESULT_INTERNAL;
	snprintf(ttl, sizeof(ttl), "%" PRId64, ttl_ms);
	result = store_script_integer(store, site, &renew_script, 1, 3, argv, &renewed);
	if (result != RESULT_OK)
		return result;
	return renewed == 1 ? RESULT_OK : RESULT_NOT_FOUND;
}

void store_duty_end(struct store *store, const struct site *site, const struct store_duty *duty,
    bool done)
{
	char key[STORE_KEY_SIZE], lock[STORE_KEY_SIZE], field[FIELD_SIZE];
	const char *argv[] = { key, lock, field, duty->token, done ? "1" : "0" };
	struct redisReply *reply;

	if (keys_make(key, lock, site, duty->name) && field_make(field, duty->name)
	    && store_script_run(store, site, &end_script, 2, 5, argv, &reply) == RESULT_OK)
		store_reply_free(reply);
}

enum result store_duty_number(struct store *store, const struct site *site, const char *name,
    int64_t *number)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "duty", NULL))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "HGET", key, name, NULL);
	if (result != RESULT_OK)
		return result;
	*number = reply->type == REDIS_REPLY_STRING ? store_number_parse(reply->str) : 0;
	store_reply_free(reply);
	return RESULT_OK;
}

enum result store_duty_number_write(struct store *store, const struct site *site,
    const char *name, int64_t number)
{
	char key[STORE_KEY_SIZE], text[24];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "duty", NULL))
		return RESULT_INTERNAL;
	snprintf(text, sizeof(text), "%" PRId64, number);
	result = store_words(store, site, &reply, "HSET", key, name, text, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_renewal_mark(struct store *store, const struct site *site, int64_t until,
    int64_t now, int64_t from, int64_t *n_marked)
{
	char renewals[STORE_KEY_SIZE], dirty[STORE_KEY_SIZE], near[24], when[24], first[24];
	const char *argv[] = { renewals, dirty, near, when, first, RENEWAL_PAGE };

	if (!store_key(renewals, site, "renewals", NULL) || !store_key(dirty, site, "dirty", NULL))
		return RESULT_INTERNAL;
	snprintf(near, sizeof(near), "%" PRId64, until);
	snprintf(when, sizeof(when), "%" PRId64, now);
	snprintf(first, sizeof(first), "%" PRId64, from);
	return store_script_integer(store, site, &renewal_script, 2, 6, argv, n_marked);
}

/* MGET of many keys, in one command. */
enum result store_events_seen(struct store *store, const struct site *site,
    const char *const *ids, size_t n_ids, bool *seen)
{
	char (*keys)[STORE_KEY_SIZE] = malloc((n_ids + 1) * sizeof(*keys));
	const char **argv = malloc((n_ids + 1) * sizeof(*argv));
	enum result result = RESULT_INTERNAL;
	struct redisReply *reply;

	if (!keys || !argv)
		goto out;
	argv[0] = "MGET";
	for (size_t i = 0; i < n_ids; i++) {
		if (!store_key(keys[i], site, "event", ids[i]))
			goto out;
		argv[i + 1] = keys[i];
	}
	result = n_ids ? store_command(store, site, n_ids + 1, argv, NULL, &reply) : RESULT_OK;
	if (result != RESULT_OK || !n_ids)
		goto out;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n_ids)
		result = store_reply_unexpected(site, argv[0]);
	for (size_t i = 0; i < n_ids && result == RESULT_OK; i++)
		seen[i] = reply->element[i]->type == REDIS_REPLY_STRING;
	store_reply_free(reply);
out:
	free(keys);
	free(argv);
	return result;
}
