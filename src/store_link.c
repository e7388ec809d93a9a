#include "store_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <sys/time.h>

#include "store_tls.h"

static void why_set(char why[STORE_WHY_SIZE], const char *text)
{
	snprintf(why, STORE_WHY_SIZE, "%s", text);
}

const char *store_link_error(const redisContext *context)
{
	return context->err ? context->errstr : "no answer";
}

bool store_link_dead(const redisContext *context)
{
	return context->err == REDIS_ERR_EOF
	    || (context->err == REDIS_ERR_IO && (errno == EPIPE || errno == ECONNRESET));
}

redisContext *store_link_open(const struct store_endpoint *endpoint, char why[STORE_WHY_SIZE])
{
	const struct timeval timeout = { .tv_usec = STORE_TIMEOUT_MS * 1000 };
	redisContext *context = endpoint->port == 0
	    ? redisConnectUnixWithTimeout(endpoint->host, timeout)
	    : redisConnectWithTimeout(endpoint->host, (int)endpoint->port, timeout);

	why_set(why, "out of memory");
	if (context && !context->err && redisSetTimeout(context, timeout) == REDIS_OK
	    && (!endpoint->tls || store_tls_start(context, endpoint->host, why)))
		return context;
	if (context && context->err)
		why_set(why, store_link_error(context));
	redisFree(context);
	return NULL;
}

bool store_link_tell(redisContext *context, int argc, const char **argv, char why[STORE_WHY_SIZE])
{
	redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
	bool done = reply && reply->type != REDIS_REPLY_ERROR;

	if (!done)
		why_set(why, reply ? reply->str : store_link_error(context));
	freeReplyObject(reply);
	return done;
}

bool store_link_login(redisContext *context, const struct redis_settings *settings,
    char why[STORE_WHY_SIZE])
{
	const char *with_user[] = { "AUTH", settings->user, settings->password.text };
	const char *without[] = { "AUTH", settings->password.text };

	if (!settings->password.text)
		return true;
	return settings->user ? store_link_tell(context, 3, with_user, why)
	    : store_link_tell(context, 2, without, why);
}
