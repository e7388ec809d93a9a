/* A private redis-server for a unit test, on a unix socket in a directory of its own. */
#ifndef TOLLGATE_TESTS_REDIS_SERVER_H
#define TOLLGATE_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "settings.h"
#include "store.h"

struct redis_server {
	pid_t pid;
	char directory[64];
	char url[128];                  /* unix:… */
	const struct redis_settings *list[1];
	struct site site;               /* "shop", on this server */
	struct settings settings;
};

/* With one further option of redis-server, such as "--requirepass", "word", or
 * NULL, NULL. Waits until it answers; ignores SIGPIPE. */
bool redis_server_start(struct redis_server *server, const char *option, const char *value);
/* Kills the process; start or stop comes next. */
void redis_server_kill(struct redis_server *server);
/* The same server again, empty, on the same socket. */
bool redis_server_restart(struct redis_server *server, const char *option, const char *value);
void redis_server_stop(struct redis_server *server);

#endif
