/* FastCGI served by threads: accept, epoll readiness, drain. Knows no endpoint. */
#ifndef TOLLGATE_SERVE_H
#define TOLLGATE_SERVE_H

#include <fcgiapp.h>

/* One request is there to be read: FCGX_Accept_r has returned. The handler
 * answers on it; serve finishes it. */
typedef void serve_handler(FCGX_Request *request, void *worker);

struct serve {
	int listen_fd;
	int threads;
	serve_handler *handler;
	void *(*worker_new)(void *context); /* per thread; NULL return: the program ends */
	void (*worker_free)(void *worker);
	void *context;
};

/* Listens as `-s` says: "unix:PATH" (mode and group applied before anybody can
 * connect, a dead socket of an earlier run is replaced, a live one is not) or
 * "HOST:PORT". `address` NULL: fd 0 must be a listening socket. Returns the
 * descriptor or -1 after logging why. */
int serve_listen(const char *address, int mode, const char *group);

/* Serves until SIGTERM or SIGINT, finishes what is in hand, returns 0; else an
 * exit code of sysexits.h. */
int serve_run(const struct serve *serve);

#endif
