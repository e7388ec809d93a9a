#include "store_rate.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "store_reply.h"

/* KEYS: pause, rate. ARGV: calls per second. A second begins with its first call. */
static const struct store_script take_script = { "rate_take",
	"local pause = redis.call('PTTL', KEYS[1])\n"
	"if pause > 0 then return { pause, 1 } end\n"
	"local count = redis.call('INCR', KEYS[2])\n"
	"if count == 1 then redis.call('PEXPIRE', KEYS[2], 1000) end\n"
	"if count <= tonumber(ARGV[1]) then return { 0, 0 } end\n"
	"return { math.max(redis.call('PTTL', KEYS[2]), 1), 0 }\n" };

/* KEYS: pause, pause:level. ARGV: seconds that Stripe said, 0 = none. After
 * five minutes without a pause the next one is a first one. */
static const struct store_script pause_script = { "rate_pause",
	"local pause = redis.call('PTTL', KEYS[1])\n"
	"if pause > 0 then return pause end\n"
	"local level = redis.call('INCR', KEYS[2])\n"
	"pause = math.min(2 ^ (level - 1), 60) * 1000\n"
	"pause = math.min(math.max(pause, tonumber(ARGV[1]) * 1000), 300000)\n"
	"redis.call('SET', KEYS[1], level, 'PX', pause)\n"
	"redis.call('PEXPIRE', KEYS[2], pause + 300000)\n"
	"return pause\n" };

enum result store_rate_take(struct store *store, const struct site *site, int per_second,
    int64_t *wait_ms, bool *paused)
{
	char pause[STORE_KEY_SIZE], rate[STORE_KEY_SIZE], limit[12];
	const char *argv[] = { pause, rate, limit };
	struct redisReply *reply;
	enum result result;

	if (!store_key(pause, site, "pause", NULL) || !store_key(rate, site, "rate", NULL))
		return RESULT_INTERNAL;
	snprintf(limit, sizeof(limit), "%d", per_second);
	result = store_script_run(store, site, &take_script, 2, 3, argv, &reply);
	if (result != RESULT_OK)
		return result;
	if (store_reply_is(reply, "ii")) {
		*wait_ms = reply->element[0]->integer;
		*paused = reply->element[1]->integer == 1;
	} else {
		result = store_reply_unexpected(site, take_script.name);
	}
	store_reply_free(reply);
	return result;
}

enum result store_rate_pause(struct store *store, const struct site *site, int retry_after,
    int64_t *pause_ms)
{
	char pause[STORE_KEY_SIZE], level[STORE_KEY_SIZE], seconds[12];
	const char *argv[] = { pause, level, seconds };

	if (!store_key(pause, site, "pause", NULL) || !store_key(level, site, "pause", "level"))
		return RESULT_INTERNAL;
	snprintf(seconds, sizeof(seconds), "%d", retry_after);
	return store_script_integer(store, site, &pause_script, 2, 3, argv, pause_ms);
}
