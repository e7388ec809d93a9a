#include "store_limit.h"

#include <inttypes.h>
#include <stdio.h>

#include "store_reply.h"

/* KEYS: creations:HASH. ARGV: count, window. The key gets its end before it is counted
 * in, so that no user is ever shut out for good. */
static const struct store_script take_script = { "limit_take",
	"redis.call('SET', KEYS[1], 0, 'PX', ARGV[2], 'NX')\n"
	"if redis.call('INCR', KEYS[1]) <= tonumber(ARGV[1]) then return 0 end\n"
	"return math.max(redis.call('PTTL', KEYS[1]), 1)\n" };

enum result store_limit_take(struct store *store, const struct site *site, const char *user_hash,
    const struct limit *limit, int64_t *wait_ms)
{
	char key[STORE_KEY_SIZE], count[24], window[24];
	const char *argv[] = { key, count, window };

	if (!store_key(key, site, "creations", user_hash))
		return RESULT_INTERNAL;
	snprintf(count, sizeof(count), "%" PRId64, limit->count);
	snprintf(window, sizeof(window), "%" PRId64, limit->window_ms);
	return store_script_integer(store, site, &take_script, 1, 3, argv, wait_ms);
}
