#include "store.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "log.h"
#include "store_address.h"

static void warn(const struct site *site, const char *what)
{
	log_event(LOG_LEVEL_WARNING, what, "redis", site->redis.url, NULL);
}

static void check_policy(const struct site *site, const char *info)
{
	if (!strstr(info, "\nmaxmemory_policy:"))
		warn(site, "redis does not tell its maxmemory-policy");
	else if (!strstr(info, "\nmaxmemory_policy:noeviction"))
		warn(site, "redis may evict records: set maxmemory-policy noeviction");
}

/* Only shown where it is set. */
static void check_replicas(const struct site *site, const char *info)
{
	if (!strstr(info, "\nmin_slaves_good_slaves:"))
		warn(site, "a master that is cut off will take writes that are lost:"
		    " set min-replicas-to-write 1");
}

enum result store_inspect(struct store *store, const struct site *site, struct problem *problem)
{
	struct store_address address;
	redisReply *reply;
	enum result result = RESULT_OK;

	if (!store_address_parse(site->redis.url, &address))
		return problem_set(problem, RESULT_INVALID, "redis_address", "redis",
		    "redis is none of unix:PATH, tcp://HOST:PORT/DB and sentinel://HOST,HOST/MASTER");
	if (store_words(store, site, &reply, "INFO", NULL) != RESULT_OK)
		return store_locked_out(store, site)
		    ? problem_set(problem, RESULT_FORBIDDEN, "redis_login", "redis_user",
		          "Redis refuses the login: see redis_user and redis_password_file")
		    : problem_store(problem);
	if (reply->type != REDIS_REPLY_STRING) {
		result = problem_store(problem);
	} else if (strstr(reply->str, "\ncluster_enabled:1")) {
		result = problem_set(problem, RESULT_INVALID, "redis_cluster", "redis",
		    "a Redis Cluster is not supported: name a single server");
	} else {
		check_policy(site, reply->str);
		if (address.master[0])
			check_replicas(site, reply->str);
	}
	store_reply_free(reply);
	return result;
}
