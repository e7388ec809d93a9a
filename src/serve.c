#include "serve.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "monotonic.h"

#define READ_SECONDS 1          /* of silence within a request */
#define WRITE_SECONDS 5
#define REQUEST_READ_MS 10000   /* for a whole request, however it trickles in */
#define FIRST_REQUEST_MS 1000   /* while stopping, for who has connected and sent nothing yet */
#define SWEEP_MS 1000
#define STOP_SWEEP_MS 10
#define CONNECTIONS_MAX 2048
#define OTHER_FDS 32            /* log, listener, epoll, configuration, Redis */
#define OTHER_FDS_PER_THREAD 8  /* Redis servers and Stripe connections */

/* Opening: nobody else may look at it yet. Waiting: armed in epoll, no thread
 * has it. Busy: one thread reads or answers a request. Only to and from free
 * the lock is needed, so that requests on kept connections meet no lock. */
enum connection_state { FREE, OPENING, WAITING, BUSY };

struct connection {
	FCGX_Request request;    /* its ipcFd is a duplicate, closed by libfcgi as it sees fit */
	int fd;                  /* ours, closed under the lock: no sweep meets a reused number */
	_Atomic enum connection_state state;
	_Atomic int64_t since;   /* monotonic ms: when the state began */
	atomic_bool answered;    /* at least one request */
	struct connection *next; /* of the free ones */
};

struct server {
	const struct serve *serve;
	int epoll_fd;
	int quit_fd;
	pthread_mutex_t lock;
	struct connection *connections;
	struct connection *free;
	size_t n_connections;
	size_t n_open;
	bool accepting;          /* the listener is in the epoll set */
	bool stopping;
};

struct thread {
	struct server *server;
	void *worker;
	pthread_t id;
	bool running;
};

/* The lock is held. EPOLLEXCLUSIVE: of several processes with this socket, one wakes. */
static void accepting_begin(struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = server };

	if (!server->accepting && !server->stopping)
		server->accepting = epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD,
		    server->serve->listener->fd, &event) == 0;
}

/* The lock is held. */
static void accepting_end(struct server *server)
{
	if (server->accepting)
		epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->serve->listener->fd, NULL);
	server->accepting = false;
}

/* The lock is held. What is queued is still read, answers still leave. */
static void connection_hang_up(const struct connection *connection)
{
	shutdown(connection->fd, SHUT_RD);
}

/* The lock is held. Room for who comes: the one that has been idle longest goes. */
static void make_room(struct server *server)
{
	struct connection *oldest = NULL;

	for (size_t i = 0; i < server->n_connections; i++) {
		struct connection *c = &server->connections[i];

		if (c->state == WAITING && (oldest == NULL || c->since < oldest->since))
			oldest = c;
	}
	if (oldest != NULL)
		connection_hang_up(oldest);
	accepting_end(server);
}

static struct connection *connection_reserve(struct server *server)
{
	struct connection *connection;

	pthread_mutex_lock(&server->lock);
	connection = server->free;
	if (connection != NULL) {
		server->free = connection->next;
		server->n_open++;
		connection->fd = -1;
		connection->answered = false;
		connection->state = OPENING;
	} else {
		make_room(server);
	}
	pthread_mutex_unlock(&server->lock);
	return connection;
}

static void connection_release(struct server *server, struct connection *connection)
{
	pthread_mutex_lock(&server->lock);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->state = FREE;
	connection->next = server->free;
	server->free = connection;
	server->n_open--;
	accepting_begin(server);
	pthread_mutex_unlock(&server->lock);
}

/* From here on another thread may have it, or have released it. */
static void connection_wait(struct server *server, struct connection *connection, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = connection };
	int fd = connection->fd;

	connection->since = monotonic_ms();
	connection->state = WAITING;
	if (epoll_ctl(server->epoll_fd, operation, fd, &event) != 0) {
		FCGX_Free(&connection->request, 1);
		connection_release(server, connection);
	}
}

static bool connection_prepare(const struct server *server, struct connection *connection)
{
	const struct timeval read_bound = { .tv_sec = READ_SECONDS };
	const struct timeval write_bound = { .tv_sec = WRITE_SECONDS };
	int fd = connection->fd;
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_bound, sizeof(read_bound)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write_bound, sizeof(write_bound)) != 0)
		return false;
	if (server->serve->listener->tcp &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		return false;
	FCGX_InitRequest(&connection->request, -1, 0);
	connection->request.ipcFd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	/* Else FCGX_Accept_r begins with closing it. */
	connection->request.keepConnection = 1;
	/* Else libfcgi, when it closes, waits for the peer and reads what it goes on sending. */
	return FCGX_Detach(&connection->request) == 0;
}

/* Out of descriptors or memory the listener would stay readable and keep all
 * threads awake: it is left until the next sweep. */
static void accept_failed(struct server *server, int error)
{
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	pthread_mutex_lock(&server->lock);
	if (server->accepting)
		log_event(LOG_LEVEL_ERROR, "cannot accept", "error", strerror(error), NULL);
	accepting_end(server);
	pthread_mutex_unlock(&server->lock);
}

/* False when nobody is there, or there is no room. */
static bool connection_accept(struct server *server)
{
	struct connection *connection = connection_reserve(server);
	int error;

	if (connection == NULL)
		return false;
	connection->fd = accept4(server->serve->listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (connection->fd >= 0 && connection_prepare(server, connection)) {
		connection_wait(server, connection, EPOLL_CTL_ADD);
		return true;
	}
	error = errno;
	connection_release(server, connection);
	accept_failed(server, error);
	return false;
}

/* As many as there are threads: with one at a time, who comes anew would wait
 * for a turn of all who are there already; with all, other processes would get none. */
static void connections_accept(struct server *server)
{
	for (int i = 0; i < server->serve->threads && connection_accept(server); i++)
		;
}

/* A Responder's STDIN must be read to its end before the connection can serve
 * again; an Authorizer has none, and reading would wait for it. */
static bool drained(FCGX_Request *request)
{
	char waste[4096];
	size_t total = 0;
	int n;

	if (request->role == FCGI_AUTHORIZER)
		return true;
	while (total <= SERVE_DRAIN_MAX) {
		n = FCGX_GetStr(waste, sizeof(waste), request->in);
		if (n < (int)sizeof(waste))
			return true;
		total += (size_t)n;
	}
	return false;
}

static void connection_serve(struct server *server, struct connection *connection, void *worker)
{
	FCGX_Request *request = &connection->request;

	connection->since = monotonic_ms();
	/* An exchange, not a store: what the thread before wrote is seen from here on. */
	atomic_exchange(&connection->state, BUSY);
	if (FCGX_Accept_r(request) == 0) {
		server->serve->handler(request, worker);
		if (!drained(request))
			request->keepConnection = 0;
		/* Who did not read in time is not waited for again to be told the end. */
		if (FCGX_GetError(request->out) != 0)
			shutdown(connection->fd, SHUT_RDWR);
		connection->answered = true;
		FCGX_Finish_r(request);
	}
	if (request->ipcFd >= 0)
		connection_wait(server, connection, EPOLL_CTL_MOD);
	else
		connection_release(server, connection);
}

static void *thread_main(void *argument)
{
	struct thread *thread = argument;
	struct server *server = thread->server;
	struct epoll_event event;

	for (;;) {
		if (epoll_wait(server->epoll_fd, &event, 1, -1) != 1)
			continue;
		if (event.data.ptr == NULL)
			return NULL;
		if (event.data.ptr == server)
			connections_accept(server);
		else
			connection_serve(server, event.data.ptr, thread->worker);
	}
}

/* Half of what the process may open: each connection has two descriptors. */
static size_t connections_limit(int threads)
{
	struct rlimit limit = { 0 };
	size_t others = OTHER_FDS + OTHER_FDS_PER_THREAD * (size_t)threads;
	size_t n = CONNECTIONS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 2 * CONNECTIONS_MAX + others)
		n = limit.rlim_cur > others + 2 ? (limit.rlim_cur - others) / 2 : 1;
	return n;
}

static bool server_open(struct server *server)
{
	struct epoll_event quit = { .events = EPOLLIN };

	server->n_connections = connections_limit(server->serve->threads);
	server->connections = calloc(server->n_connections, sizeof(*server->connections));
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->connections == NULL || server->epoll_fd < 0 || server->quit_fd < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->quit_fd, &quit) != 0)
		return false;
	for (size_t i = 0; i < server->n_connections; i++) {
		server->connections[i].next = server->free;
		server->free = &server->connections[i];
	}
	return true;
}

static void server_close(struct server *server)
{
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	if (server->quit_fd >= 0)
		close(server->quit_fd);
	free(server->connections);
}

/* Bounds how long a request may take to come in; after a shortage accepts again. */
static void sweep(struct server *server)
{
	int64_t now = monotonic_ms();

	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->n_connections; i++) {
		const struct connection *c = &server->connections[i];

		if (c->state == BUSY && now - c->since > REQUEST_READ_MS)
			connection_hang_up(c);
	}
	if (server->free != NULL)
		accepting_begin(server);
	pthread_mutex_unlock(&server->lock);
}

/* Returns how many connections are left. Who keeps a connection learns that it
 * ends; who has only just connected may still send what it came for. */
static size_t sweep_idle(struct server *server)
{
	int64_t now = monotonic_ms();
	size_t n_open;

	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->n_connections; i++) {
		const struct connection *c = &server->connections[i];

		if (c->state == WAITING && (c->answered || now - c->since > FIRST_REQUEST_MS))
			connection_hang_up(c);
	}
	n_open = server->n_open;
	pthread_mutex_unlock(&server->lock);
	return n_open;
}

static void stop_accepting(struct server *server)
{
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	accepting_end(server);
	pthread_mutex_unlock(&server->lock);
	listener_stop(server->serve->listener);
}

/* Takes in who waits in a backlog of our own, but not whoever comes to a port as long
 * as it is open; one that others hold is theirs to serve. The pause lets a thread that
 * was woken for the listener accept it. */
static void drain(struct server *server)
{
	const struct timespec pause = { .tv_nsec = STOP_SWEEP_MS * 1000000L };
	int64_t until = monotonic_ms() + FIRST_REQUEST_MS;

	stop_accepting(server);
	do {
		while (!server->serve->listener->inherited && monotonic_ms() < until &&
		    connection_accept(server))
			;
		sweep(server);
		nanosleep(&pause, NULL);
	} while (sweep_idle(server) > 0);
}

static void threads_join(struct server *server, struct thread *threads)
{
	const uint64_t one = 1;

	/* A counter that starts at 0 takes it. */
	(void)!write(server->quit_fd, &one, sizeof(one));
	for (int i = 0; i < server->serve->threads; i++) {
		if (threads[i].running)
			pthread_join(threads[i].id, NULL);
	}
}

static bool threads_start(struct server *server, struct thread *threads)
{
	for (int i = 0; i < server->serve->threads; i++) {
		threads[i].server = server;
		threads[i].running =
		    pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) == 0;
		if (!threads[i].running) {
			log_event(LOG_LEVEL_ERROR, "cannot start a thread", NULL);
			return false;
		}
	}
	return true;
}

static int serve_with(struct server *server, struct thread *threads, const sigset_t *signals)
{
	const struct timespec interval = { .tv_sec = SWEEP_MS / 1000 };
	int code = EX_OSERR;

	if (threads_start(server, threads)) {
		do
			sweep(server);
		while (sigtimedwait(signals, NULL, &interval) < 0);
		log_event(LOG_LEVEL_INFO, "stopping", NULL);
		drain(server);
		code = 0;
	}
	threads_join(server, threads);
	return code;
}

static bool library_init(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, signals, NULL) != 0)
		return false;
	if (FCGX_Init() != 0)
		return false;
	/* Not before: FCGX_Init replaces it. */
	return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}

static bool workers_new(const struct serve *serve, struct thread *threads)
{
	for (int i = 0; i < serve->threads; i++) {
		threads[i].worker = serve->worker_new(serve->context);
		if (threads[i].worker == NULL)
			return false;
	}
	return true;
}

int serve_run(const struct serve *serve)
{
	struct server server = { .serve = serve, .epoll_fd = -1, .quit_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER };
	struct thread *threads = calloc((size_t)serve->threads, sizeof(*threads));
	sigset_t signals;
	int code = EX_OSERR;

	if (threads != NULL && library_init(&signals) && workers_new(serve, threads) &&
	    server_open(&server))
		code = serve_with(&server, threads, &signals);
	else
		log_event(LOG_LEVEL_ERROR, "cannot serve", "error", strerror(errno), NULL);
	for (int i = 0; threads != NULL && i < serve->threads; i++) {
		if (threads[i].worker != NULL)
			serve->worker_free(threads[i].worker);
	}
	free(threads);
	server_close(&server);
	return code;
}
