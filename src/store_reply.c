#include "store_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define NUMBER_MAX (INT64_C(1) << 53)

static bool is_array(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY;
}

static bool is_string(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING;
}

bool store_reply_is_integer(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_INTEGER && reply->integer >= -NUMBER_MAX
	    && reply->integer <= NUMBER_MAX;
}

bool store_reply_is(const redisReply *reply, const char *shape)
{
	if (!is_array(reply) || reply->elements != strlen(shape))
		return false;
	for (size_t i = 0; i < reply->elements; i++) {
		if (shape[i] == 's' ? !is_string(reply->element[i])
		    : !store_reply_is_integer(reply->element[i]))
			return false;
	}
	return true;
}

bool store_reply_is_hash(const redisReply *reply)
{
	if (!is_array(reply) || reply->elements % 2 != 0)
		return false;
	for (size_t i = 0; i < reply->elements; i++) {
		if (!is_string(reply->element[i]))
			return false;
	}
	return true;
}

int64_t store_number_parse(const char *text)
{
	int64_t number = strtoll(text, NULL, 10);

	return number > NUMBER_MAX ? NUMBER_MAX : number < -NUMBER_MAX ? -NUMBER_MAX : number;
}

enum result store_reply_unexpected(const struct site *site, const char *command)
{
	log_event(LOG_LEVEL_ERROR, "redis reply not understood", "redis", site->redis.url,
	    "to", command, NULL);
	return RESULT_INTERNAL;
}

enum result store_script_integer(struct store *store, const struct site *site,
    const struct store_script *script, size_t n_keys, size_t argc, const char **argv, int64_t *value)
{
	struct redisReply *reply;
	enum result result = store_script_run(store, site, script, n_keys, argc, argv, &reply);

	if (result != RESULT_OK)
		return result;
	if (store_reply_is_integer(reply))
		*value = reply->integer;
	else
		result = store_reply_unexpected(site, script->name);
	store_reply_free(reply);
	return result;
}
