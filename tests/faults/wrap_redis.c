/* hiredis, failing before a command, behind it, and by answers that nobody expects. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fault.h"

static const char *const replies[FAULT_KINDS] = {
	[FAULT_REDIS_FULL] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
	[FAULT_REDIS_ERROR] = "-ERR unknown command\r\n",
	[FAULT_REDIS_STATUS] = "+SURPRISE\r\n",
	[FAULT_REDIS_NIL] = "$-1\r\n",
};

static const struct {
	int error;
	int number;
	const char *text;
} losses[FAULT_KINDS] = {
	[FAULT_REDIS] = { REDIS_ERR_EOF, 0, "Server closed the connection" },
	[FAULT_REDIS_LOST] = { REDIS_ERR_EOF, 0, "Server closed the connection" },
	[FAULT_REDIS_TIMEOUT] = { REDIS_ERR_IO, EAGAIN, "Resource temporarily unavailable" },
	[FAULT_REDIS_PROTOCOL] = { REDIS_ERR_PROTOCOL, 0, "Protocol error" },
};

static redisReply *reply_of(const char *text)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	redisReaderFeed(reader, text, strlen(text));
	redisReaderGetReply(reader, &reply);
	redisReaderFree(reader);
	return reply;
}

static redisReply *lose(redisContext *context, enum fault_kind kind, redisReply *reply)
{
	freeReplyObject(reply);
	shutdown(context->fd, SHUT_RDWR);
	if (losses[kind].error == 0)
		return NULL;
	context->err = losses[kind].error;
	snprintf(context->errstr, sizeof(context->errstr), "%s", losses[kind].text);
	errno = losses[kind].number;
	return NULL;
}

void *__real_redisCommandArgv(redisContext *context, int argc, const char **argv, const size_t *lengths);
void *__wrap_redisCommandArgv(redisContext *context, int argc, const char **argv, const size_t *lengths);

void *__wrap_redisCommandArgv(redisContext *context, int argc, const char **argv, const size_t *lengths)
{
	enum fault_kind kind = fault_armed();
	bool undone = kind == FAULT_REDIS || kind == FAULT_REDIS_FULL || kind == FAULT_REDIS_ERROR;
	redisReply *reply;

	if ((replies[kind] == NULL && losses[kind].error == 0) || !fault_now(kind, argv[0]))
		return __real_redisCommandArgv(context, argc, argv, lengths);
	reply = undone ? NULL : __real_redisCommandArgv(context, argc, argv, lengths);
	if (replies[kind] == NULL || context->err != 0)
		return lose(context, kind, reply);
	freeReplyObject(reply);
	return reply_of(replies[kind]);
}

redisContext *__real_redisConnectUnixWithTimeout(const char *path, const struct timeval timeout);
redisContext *__wrap_redisConnectUnixWithTimeout(const char *path, const struct timeval timeout);

redisContext *__wrap_redisConnectUnixWithTimeout(const char *path, const struct timeval timeout)
{
	if (fault_now(FAULT_REDIS, "redisConnectUnixWithTimeout"))
		return NULL;
	return __real_redisConnectUnixWithTimeout(path, timeout);
}

int __real_redisSetTimeout(redisContext *context, const struct timeval timeout);
int __wrap_redisSetTimeout(redisContext *context, const struct timeval timeout);

int __wrap_redisSetTimeout(redisContext *context, const struct timeval timeout)
{
	return fault_now(FAULT_REDIS, "redisSetTimeout") ? REDIS_ERR
	    : __real_redisSetTimeout(context, timeout);
}
