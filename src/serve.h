/* FastCGI served by threads: accept, epoll readiness, drain. Knows no endpoint. */
#ifndef TOLLGATE_SERVE_H
#define TOLLGATE_SERVE_H

#include <fcgiapp.h>

#include "listener.h"

/* One request is there to be read: FCGX_Accept_r has returned. The handler
 * answers on it and reads of the body what it wants; serve reads the rest,
 * at most SERVE_DRAIN_MAX bytes of it, and finishes the request. */
typedef void serve_handler(FCGX_Request *request, void *worker);
#define SERVE_DRAIN_MAX (1024 * 1024)

struct serve {
	const struct listener *listener;
	int threads;
	serve_handler *handler;
	void *(*worker_new)(void *context); /* per thread; NULL return: nothing is served */
	void (*worker_free)(void *worker);
	void *context;
};

/* Serves until SIGTERM or SIGINT, finishes what is in hand, returns 0; else an
 * exit code of sysexits.h. It ignores SIGPIPE, and blocks the two signals: a
 * thread that runs already must have them blocked. */
int serve_run(const struct serve *serve);

#endif
