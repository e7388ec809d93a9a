#include "store_lock.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"
#include "monotonic.h"
#include "store_reply.h"

#define PAUSE_MS 20
#define ATTEMPT_SECONDS "86400" /* as long as Stripe replays the answer to an idempotency key */
#define ATTEMPT_ID_SIZE 192

/* A lock that is ours already was taken by a command whose reply got lost. */
static const struct store_script take_script = { "lock_take",
	"if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end\n"
	"return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0\n" };

static const struct store_script release_script = { "lock_release",
	"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
	"return redis.call('DEL', KEYS[1])\n" };

static const struct store_script attempt_script = { "attempt",
	"if redis.call('HGET', KEYS[1], 'fingerprint') == ARGV[1] then\n"
	"	return redis.call('HGET', KEYS[1], 'attempt')\n"
	"end\n"
	"redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'attempt', ARGV[2])\n"
	"redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
	"return ARGV[2]\n" };

static enum result try_take(struct store *store, const struct site *site,
    const struct store_lock *lock, const char *ttl)
{
	const char *argv[] = { lock->key, lock->token, ttl };
	int64_t taken = 0;
	enum result result = store_script_integer(store, site, &take_script, 1, 3, argv, &taken);

	if (result != RESULT_OK)
		return result;
	return taken ? RESULT_OK : RESULT_CONFLICT;
}

enum result store_lock_take(struct store *store, const struct site *site, const char *user_hash,
    int64_t wait_ms, int64_t ttl_ms, struct store_lock *lock)
{
	int64_t until = monotonic_ms() + wait_ms;
	struct store_lock wanted;
	char ttl[24];
	enum result result;

	if (!store_key(wanted.key, site, "lock", user_hash) || !hex_random(wanted.token))
		return RESULT_INTERNAL;
	snprintf(ttl, sizeof(ttl), "%lld", (long long)ttl_ms);
	while ((result = try_take(store, site, &wanted, ttl)) == RESULT_CONFLICT
	    && monotonic_ms() < until)
		monotonic_sleep_ms(PAUSE_MS);
	if (result == RESULT_OK)
		*lock = wanted;
	return result;
}

void store_lock_release(struct store *store, const struct site *site, const struct store_lock *lock)
{
	const char *argv[] = { lock->key, lock->token };
	struct redisReply *reply;

	if (store_script_run(store, site, &release_script, 1, 2, argv, &reply) == RESULT_OK)
		store_reply_free(reply);
}

static bool attempt_key(char key[STORE_KEY_SIZE], const struct site *site, const char *user_hash,
    const char *operation)
{
	char id[ATTEMPT_ID_SIZE];
	int length = snprintf(id, sizeof(id), "%s:%s", user_hash, operation);

	return length > 0 && (size_t)length < sizeof(id) && store_key(key, site, "attempt", id);
}

enum result store_attempt(struct store *store, const struct site *site, const char *user_hash,
    const char *operation, const char *fingerprint, char attempt[33])
{
	char key[STORE_KEY_SIZE];
	char fresh[33];
	const char *argv[] = { key, fingerprint, fresh, ATTEMPT_SECONDS };
	struct redisReply *reply;
	enum result result;

	if (!attempt_key(key, site, user_hash, operation) || !hex_random(fresh))
		return RESULT_INTERNAL;
	result = store_script_run(store, site, &attempt_script, 1, 4, argv, &reply);
	if (result != RESULT_OK)
		return result;
	if (reply->type == REDIS_REPLY_STRING && reply->len == 32)
		memcpy(attempt, reply->str, 33);
	else
		result = RESULT_INTERNAL;
	store_reply_free(reply);
	return result;
}

enum result store_attempt_end(struct store *store, const struct site *site, const char *user_hash,
    const char *operation)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!attempt_key(key, site, user_hash, operation))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "DEL", key, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}
