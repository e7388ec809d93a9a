#include "store_work.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_reply.h"
#include "work_lua.h"

#define MEMBER_SIZE (STRIPE_ID_SIZE + 16)
#define TRIES_MAX 1000 /* as many as are told apart */

static const struct store_script claim_script = { "work", work_lua };

/* KEYS: leases, tries. ARGV: member, lease. */
static const struct store_script done_script = { "work_done",
	"if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end\n"
	"redis.call('HDEL', KEYS[2], ARGV[1])\n"
	"return redis.call('ZREM', KEYS[1], ARGV[1])\n" };

/* The same, and how long it rests. */
static const struct store_script defer_script = { "work_defer",
	"if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end\n"
	"local time = redis.call('TIME')\n"
	"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
	"redis.call('HINCRBY', KEYS[2], ARGV[1], 1)\n"
	"redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])\n"
	"return 1\n" };

/* In the order in which they are looked at. */
static const char *const queues[] = {
	[WORK_WISH] = "wishes",
	[WORK_INVOICE] = "invoices",
	[WORK_CUSTOMER] = "dirty",
};

const char *work_kind_str(enum work_kind kind)
{
	static const char *const words[] = {
		[WORK_WISH] = "user", [WORK_INVOICE] = "invoice", [WORK_CUSTOMER] = "customer",
	};

	return words[kind];
}

/* Both keys that every script of this file has. */
struct lease_keys {
	char leases[STORE_KEY_SIZE];
	char tries[STORE_KEY_SIZE];
};

static bool lease_keys_make(struct lease_keys *keys, const struct site *site)
{
	return store_key(keys->leases, site, "leases", NULL)
	    && store_key(keys->tries, site, "tries", NULL);
}

static bool work_decode(const redisReply *reply, struct store_work *work)
{
	struct store_work read = { 0 };
	int64_t tries;

	if (!store_reply_is(reply, "sssi") || reply->element[1]->len >= sizeof(read.id)
	    || reply->element[2]->len >= sizeof(read.lease))
		return false;
	while (strcmp(queues[read.kind], reply->element[0]->str) != 0)
		if (++read.kind == WORK_KINDS)
			return false;
	memcpy(read.id, reply->element[1]->str, reply->element[1]->len);
	memcpy(read.lease, reply->element[2]->str, reply->element[2]->len);
	tries = reply->element[3]->integer;
	read.tries = tries < 0 ? 0 : tries < TRIES_MAX ? (int)tries : TRIES_MAX;
	*work = read;
	return true;
}

enum result store_work_claim(struct store *store, const struct site *site, int64_t lease_ms,
    struct store_work *work)
{
	char keys[WORK_KINDS][STORE_KEY_SIZE], ttl[24];
	const char *argv[2 + WORK_KINDS + 1 + WORK_KINDS];
	struct lease_keys shared;
	struct redisReply *reply;
	enum result result;

	if (!lease_keys_make(&shared, site))
		return RESULT_INTERNAL;
	snprintf(ttl, sizeof(ttl), "%" PRId64, lease_ms);
	argv[0] = shared.leases;
	argv[1] = shared.tries;
	argv[2 + WORK_KINDS] = ttl;
	for (size_t i = 0; i < WORK_KINDS; i++) {
		if (!store_key(keys[i], site, queues[i], NULL))
			return RESULT_INTERNAL;
		argv[2 + i] = keys[i];
		argv[2 + WORK_KINDS + 1 + i] = queues[i];
	}
	result = store_script_run(store, site, &claim_script, 2 + WORK_KINDS,
	    sizeof(argv) / sizeof(argv[0]), argv, &reply);
	if (result != RESULT_OK)
		return result;
	if (reply->type == REDIS_REPLY_NIL)
		result = RESULT_NOT_FOUND;
	else if (!work_decode(reply, work))
		result = store_reply_unexpected(site, claim_script.name);
	store_reply_free(reply);
	return result;
}

/* `delay` NULL: the script takes none. */
static enum result run(struct store *store, const struct site *site,
    const struct store_script *script, const struct store_work *work, const char *delay)
{
	struct lease_keys keys;
	char member[MEMBER_SIZE];
	const char *argv[] = { keys.leases, keys.tries, member, work->lease, delay };
	struct redisReply *reply;
	enum result result;

	if (!lease_keys_make(&keys, site)
	    || snprintf(member, sizeof(member), "%s:%s", queues[work->kind], work->id) < 0)
		return RESULT_INTERNAL;
	result = store_script_run(store, site, script, 2, delay ? 5 : 4, argv, &reply);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_work_done(struct store *store, const struct site *site,
    const struct store_work *work)
{
	return run(store, site, &done_script, work, NULL);
}

enum result store_work_defer(struct store *store, const struct site *site,
    const struct store_work *work, int64_t delay_ms)
{
	char delay[24];

	snprintf(delay, sizeof(delay), "%" PRId64, delay_ms);
	return run(store, site, &defer_script, work, delay);
}
