#include "store_delivery.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "delivery_lua.h"
#include "json_read.h"
#include "store_reply.h"

#define NUMBER_SIZE 24

static const struct store_script take_script = { "delivery", delivery_lua };

/* KEYS: delivery, delivery_due, counters, the lane's list. ARGV: lane, notice,
 * due, and either the attempts that failed or, as it ended, what to count. */
static const struct store_script retry_script = { "delivery_retry",
	"if redis.call('LINDEX', KEYS[4], 0) ~= ARGV[2] then return 0 end\n"
	"redis.call('HSET', KEYS[1], 'attempts:' .. ARGV[1], ARGV[4])\n"
	"redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])\n"
	"return 1\n" };

static const struct store_script end_script = { "delivery_end",
	"if redis.call('LINDEX', KEYS[4], 0) ~= ARGV[2] then return 0 end\n"
	"redis.call('LPOP', KEYS[4])\n"
	"redis.call('HDEL', KEYS[1], 'attempts:' .. ARGV[1])\n"
	"redis.call('HINCRBY', KEYS[3], ARGV[4], 1)\n"
	"if redis.call('EXISTS', KEYS[4]) == 1 then\n"
	"	redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])\n"
	"else\n"
	"	redis.call('ZREM', KEYS[2], ARGV[1])\n"
	"end\n"
	"return 1\n" };

static void number_print(char text[NUMBER_SIZE], int64_t number)
{
	snprintf(text, NUMBER_SIZE, "%" PRId64, number);
}

/* As delivery.lua returns it. */
static bool taken_read(struct redisReply *reply, struct store_delivery *delivery)
{
	redisReply **item = reply->element;
	bool none_due = store_reply_is(reply, "ii");

	if (!none_due && !store_reply_is(reply, "iissi"))
		return false;
	*delivery = (struct store_delivery){
		.reply = reply,
		.lost = item[0]->integer,
		.due = item[1]->integer >= 0 ? item[1]->integer : INT64_MAX,
	};
	if (none_due)
		return true;
	delivery->lane = item[2]->str;
	delivery->entry = item[3]->str;
	delivery->attempts = item[4]->integer;
	delivery->notice = json_parse_object(item[3]->str, (size_t)item[3]->len);
	return true;
}

enum result store_delivery_take(struct store *store, const struct site *site, int64_t now,
    int64_t age_max, struct store_delivery *delivery)
{
	char notices[STORE_KEY_SIZE], state[STORE_KEY_SIZE], due[STORE_KEY_SIZE];
	char counters[STORE_KEY_SIZE], lanes[STORE_KEY_SIZE];
	char time[NUMBER_SIZE], hold[NUMBER_SIZE], age[NUMBER_SIZE];
	const char *argv[] = { notices, state, due, counters, lanes, time, hold, age };
	struct redisReply *reply;
	enum result result;

	if (!store_key(notices, site, "notices", NULL) || !store_key(state, site, "delivery", NULL)
	    || !store_key(due, site, "delivery_due", NULL) || !store_key(counters, site, "counters", NULL)
	    || !store_key(lanes, site, "delivery_lane", ""))
		return RESULT_INTERNAL;
	number_print(time, now);
	number_print(hold, STORE_DELIVERY_HOLD);
	number_print(age, age_max);
	result = store_script_run(store, site, &take_script, 5, 8, argv, &reply);
	if (result == RESULT_OK && !taken_read(reply, delivery)) {
		store_reply_free(reply);
		result = store_reply_unexpected(site, take_script.name);
	}
	return result;
}

void store_delivery_free(struct store_delivery *delivery)
{
	json_object_put(delivery->notice);
	store_reply_free(delivery->reply);
}

static const char *const counters_of[] = {
	[DELIVERY_DONE] = "notices_delivered",
	[DELIVERY_GIVEN_UP] = "notices_given_up",
};

enum result store_delivery_settle(struct store *store, const struct site *site,
    const struct store_delivery *delivery, enum store_delivery_end end, int64_t due)
{
	char state[STORE_KEY_SIZE], lanes[STORE_KEY_SIZE], counters[STORE_KEY_SIZE];
	char list[STORE_KEY_SIZE], time[NUMBER_SIZE], attempts[NUMBER_SIZE];
	bool failed = end == DELIVERY_FAILED;
	const char *argv[] = { state, lanes, counters, list, delivery->lane, delivery->entry, time,
		failed ? attempts : counters_of[end] };
	struct redisReply *reply;
	enum result result;

	if (!store_key(state, site, "delivery", NULL) || !store_key(lanes, site, "delivery_due", NULL)
	    || !store_key(counters, site, "counters", NULL)
	    || !store_key(list, site, "delivery_lane", delivery->lane))
		return RESULT_INTERNAL;
	number_print(time, due);
	number_print(attempts, delivery->attempts + 1);
	result = store_script_run(store, site, failed ? &retry_script : &end_script, 4, 8, argv, &reply);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}
