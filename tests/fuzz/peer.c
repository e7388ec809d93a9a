#include "peer.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "strbuf.h"

#define CONNECTIONS_MAX 16

static char site_name[] = FUZZ_SITE, site_origin[] = "https://shop.example", url[] = "unix:/peer";
static struct site sites[] = {
	{ .name = site_name, .origin = site_origin, .redis = { .url = url }, .livemode = -1 },
};
static const struct redis_settings *redis[] = { &sites[0].redis };
const struct settings peer_settings = { .sites = sites, .n_sites = 1, .redis = redis, .n_redis = 1 };
struct site *const peer_site = &sites[0];

static struct fuzz_input script;
static redisReader *heard;
static int ends[CONNECTIONS_MAX]; /* ours of the socket pairs */
static size_t n_ends;

redisContext *__wrap_redisConnectUnixWithTimeout(const char *path, const struct timeval timeout);
redisContext *__wrap_redisConnectWithTimeout(const char *ip, int port, const struct timeval timeout);

void peer_script(const struct fuzz_input *said)
{
	script = *said;
	heard = redisReaderCreate();
	assert(heard != NULL);
}

/* What does not fit into the socket is as good as lost on the way. */
static void answer_write(int fd, char *text)
{
	struct strbuf answer = STRBUF_INIT;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		/* hiredis makes room at once for all that an array says it has. */
		if (line[0] == '*')
			line[strnlen(line, sizeof("*9999") - 1)] = '\0';
		if (line[0] == '=')
			strbuf_appendf(&answer, "$%zu\r\n%s\r\n", strlen(line + 1), line + 1);
		else
			strbuf_appendf(&answer, "%s\r\n", line);
	}
	assert(!answer.failed && send(fd, answer.data, answer.length, MSG_DONTWAIT | MSG_NOSIGNAL) != 0);
	strbuf_free(&answer);
}

/* All that one connection answers, and then its end. */
static void answers_write(int fd)
{
	struct fuzz_input answers;
	size_t length;
	char *all = fuzz_take(&script, "\n%%\n", &length);
	char *answer;

	answers = (struct fuzz_input){ all, length };
	while (answers.length > 0) {
		answer = fuzz_take(&answers, "\n\n", &length);
		answer_write(fd, answer);
		free(answer);
	}
	shutdown(fd, SHUT_WR);
	free(all);
}

/* Packets, since hiredis sends no command while it still has an answer to give: each read is
 * to see one of them. */
static redisContext *connect_pair(void)
{
	int pair[2];

	if (n_ends == CONNECTIONS_MAX
	    || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return NULL;
	answers_write(pair[1]);
	ends[n_ends++] = pair[1];
	return redisConnectFd(pair[0]);
}

/* Both in the place of hiredis' own (ld --wrap). */
redisContext *__wrap_redisConnectUnixWithTimeout(const char *path, const struct timeval timeout)
{
	assert(path[0] != '\0' && timeout.tv_usec > 0);
	return connect_pair();
}

redisContext *__wrap_redisConnectWithTimeout(const char *ip, int port, const struct timeval timeout)
{
	assert(ip[0] != '\0' && port > 0 && port <= 65535 && timeout.tv_usec > 0);
	return connect_pair();
}

static void hear(void)
{
	static char bytes[1 << 18];
	ssize_t n;

	for (size_t i = 0; i < n_ends; i++) {
		while ((n = recv(ends[i], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			assert(redisReaderFeed(heard, bytes, (size_t)n) == REDIS_OK);
	}
}

/* A command is an array of bulk strings, just as some replies are. */
char *peer_last_word(void)
{
	void *command = NULL;
	const redisReply *said, *last;
	char *word;

	hear();
	assert(redisReaderGetReply(heard, &command) == REDIS_OK);
	if (command == NULL)
		return NULL;
	said = command;
	assert(said->type == REDIS_REPLY_ARRAY && said->elements > 0);
	last = said->element[said->elements - 1];
	assert(last->type == REDIS_REPLY_STRING);
	word = strdup(last->str);
	assert(word != NULL);
	freeReplyObject(command);
	return word;
}

void peer_close(void)
{
	while (n_ends > 0)
		close(ends[--n_ends]);
	redisReaderFree(heard);
	heard = NULL;
}
