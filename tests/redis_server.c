#include "redis_server.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIES 250
#define PAUSE_MS 20

static bool answers(const char *path)
{
	redisContext *context = redisConnectUnix(path);
	redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
	bool up = reply != NULL;

	freeReplyObject(reply);
	redisFree(context);
	return up;
}

/* What a Cluster writes of its nodes goes to the directory, too. */
static void run(const struct redis_server *server, const char *option, const char *value)
{
	const char *path = server->url + strlen("unix:");
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDOUT_FILENO);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
	    "--appendonly", "no", "--dir", server->directory, option, value, (char *)NULL);
	_exit(127);
}

bool redis_server_restart(struct redis_server *server, const char *option, const char *value)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	const char *path = server->url + strlen("unix:");

	server->pid = fork();
	if (server->pid == 0)
		run(server, option, value);
	for (int i = 0; server->pid > 0 && i < TRIES; i++) {
		if (answers(path))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool redis_server_start(struct redis_server *server, const char *option, const char *value)
{
	*server = (struct redis_server){ .directory = "/tmp/tollgate-redis-XXXXXX" };
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(server->directory))
		return false;
	snprintf(server->url, sizeof(server->url), "unix:%s/socket", server->directory);
	server->site.redis.url = server->url;
	server->list[0] = &server->site.redis;
	server->site.name = strdup("shop");
	server->settings.redis = server->list;
	server->settings.n_redis = 1;
	server->settings.sites = &server->site;
	server->settings.n_sites = 1;
	return redis_server_restart(server, option, value);
}

void redis_server_kill(struct redis_server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	server->pid = 0;
}

void redis_server_stop(struct redis_server *server)
{
	char nodes[sizeof(server->directory) + sizeof("/nodes.conf")];

	redis_server_kill(server);
	unlink(server->url + strlen("unix:"));
	snprintf(nodes, sizeof(nodes), "%s/nodes.conf", server->directory);
	unlink(nodes);
	rmdir(server->directory);
	free(server->site.name);
}
