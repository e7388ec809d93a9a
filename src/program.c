#include "program.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "http_client.h"
#include "log.h"
#include "monotonic.h"
#include "serve.h"
#include "startup.h"

#define DEFAULT_MODE 0660
#define DEFAULT_THREADS 8
#define ALLOW_SIZE 64

struct options {
	const char *config;
	const char *socket; /* NULL = inherited */
	const char *group;
	mode_t mode;
	int threads;
	bool test;
};

/* What all threads have in common. */
struct context {
	const struct program *program;
	const struct settings *settings;
	int threads;
	atomic_bool unusable; /* a Redis of a kind that cannot be used was found */
	atomic_bool ended;    /* nobody waits for the inspection any more */
};

struct program_worker {
	struct worker worker;
	const struct program *program;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "mode", required_argument, NULL, 'm' },
	{ "group", required_argument, NULL, 'g' },
	{ "threads", required_argument, NULL, 'n' },
	{ "test", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(const struct program *program, FILE *out)
{
	fprintf(out, "usage: %s [-c FILE] [-s unix:PATH | HOST:PORT] [-m MODE] [-g GROUP] "
	    "[-n THREADS] [-t] [-h] [-V]\n", program->name);
}

/* -1: go on; else the exit code. */
static int take_option(const struct program *program, int letter, struct options *options)
{
	long number = 0;

	switch (letter) {
	case 'c':
		options->config = optarg;
		break;
	case 's':
		options->socket = optarg;
		break;
	case 'm':
		number = startup_number(optarg, 8, 0, 0777);
		options->mode = (mode_t)number;
		break;
	case 'g':
		options->group = optarg;
		break;
	case 'n':
		number = startup_number(optarg, 10, 1, STARTUP_THREADS_MAX);
		options->threads = (int)number;
		break;
	case 't':
		options->test = true;
		break;
	case 'h':
		usage(program, stdout);
		return EX_OK;
	case 'V':
		printf("%s %s\n", program->name, PACKAGE_VERSION);
		return EX_OK;
	default:
		number = -1;
	}
	if (number >= 0)
		return -1;
	usage(program, stderr);
	return EX_USAGE;
}

static int parse_options(const struct program *program, int argc, char **argv,
    struct options *options)
{
	int code = -1;
	int letter;

	while (code < 0 &&
	    (letter = getopt_long(argc, argv, "c:s:m:g:n:thV", long_options, NULL)) != -1)
		code = take_option(program, letter, options);
	if (code < 0 && optind != argc) {
		usage(program, stderr);
		code = EX_USAGE;
	}
	return code;
}

static bool endpoint_has_name(const struct endpoint *endpoint, const char *name)
{
	return endpoint->name[0] == '\0' || strcmp(endpoint->name, name) == 0;
}

static bool endpoint_takes(const struct endpoint *endpoint, const struct request *request)
{
	return endpoint->method[0] == '\0' || strcmp(endpoint->method, request->method) == 0 ||
	    (request->head && strcmp(endpoint->method, "GET") == 0);
}

static bool method_is_safe(const struct request *request)
{
	return request->head || strcmp(request->method, "GET") == 0 ||
	    strcmp(request->method, "OPTIONS") == 0;
}

/* RFC 9110, 10.2.1. */
static void add_allowed(struct strbuf *allow, const char *method)
{
	strbuf_append(allow, allow->length > 0 ? ", " : "");
	strbuf_append(allow, method);
	if (strcmp(method, "GET") == 0)
		strbuf_append(allow, ", HEAD");
}

/* NULL and a problem when there is none; then *allow has what there is by this name. */
static const struct endpoint *find_endpoint(const struct program *program,
    const struct request *request, struct strbuf *allow, struct problem *problem)
{
	for (size_t i = 0; i < program->n_endpoints; i++) {
		const struct endpoint *endpoint = &program->endpoints[i];

		if (!endpoint_has_name(endpoint, request->endpoint))
			continue;
		if (endpoint_takes(endpoint, request))
			return endpoint;
		add_allowed(allow, endpoint->method);
	}
	if (allow->length > 0)
		problem_set(problem, RESULT_METHOD, "method_not_allowed", NULL,
		    "This endpoint does not take this method.");
	else
		problem_set(problem, RESULT_NOT_FOUND, "endpoint_unknown", NULL,
		    "There is no such endpoint.");
	return NULL;
}

static enum result check_access(const struct endpoint *endpoint, const struct request *request,
    struct problem *problem)
{
	if (endpoint->access == ACCESS_ANYBODY)
		return RESULT_OK;
	if (request->identity.user[0] == '\0')
		return problem_set(problem, RESULT_UNIDENTIFIED, "identity_required", NULL,
		    "Nobody is logged in.");
	if (endpoint->access == ACCESS_SERVER && !request->identity.server)
		return problem_set(problem, RESULT_FORBIDDEN, "scope_required", NULL,
		    "Only the server of the site may ask this.");
	return method_is_safe(request) ? RESULT_OK : request_check_origin(request, problem);
}

/* Either it is answered, or *problem says why not. */
static void run_endpoint(const struct endpoint *endpoint, struct worker *worker,
    struct request *request, struct response *response, struct problem *problem)
{
	enum result result = check_access(endpoint, request, problem);

	/* Any method is the gate: what comes with it belongs to the page behind it. */
	if (result == RESULT_OK && endpoint->method[0] != '\0')
		result = request_read_body(request, endpoint->body_max, endpoint->raw_body, problem);
	if (result != RESULT_OK)
		return;
	if (worker->stripe != NULL)
		stripe_begin(worker->stripe);
	result = endpoint->handler(worker, request, response, problem);
	if (result == RESULT_OK && !response->sent) {
		log_event(LOG_LEVEL_ERROR, "handler gave no answer", "endpoint", endpoint->name, NULL);
		problem_set(problem, RESULT_INTERNAL, "internal", NULL, "The server made a mistake.");
	}
}

static void log_answer(const struct program *program, const struct request *request,
    const struct response *response, const struct problem *problem, int64_t us)
{
	char status[12];
	char ms[32];

	if (snprintf(status, sizeof(status), "%d", response->status) < 0 ||
	    snprintf(ms, sizeof(ms), "%.1f", (double)us / 1000) < 0)
		return;
	log_event(program->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "request",
	    "method", request->method, "endpoint", request->endpoint, "status", status, "ms", ms,
	    "code", problem->result != RESULT_OK ? problem->code : NULL, NULL);
}

static bool open_request(FCGX_Request *fcgi, const struct program_worker *self,
    struct request *request, struct problem *problem)
{
	if (request_open(fcgi, self->worker.settings, time(NULL), request, problem) == RESULT_OK)
		return true;
	if (!self->program->finds_site || !request->siteless)
		return false;
	problem->result = RESULT_OK;
	return true;
}

static void answer(FCGX_Request *fcgi, void *context)
{
	struct program_worker *self = context;
	int64_t begun = monotonic_us();
	struct request request;
	struct response response = { .fcgi = fcgi, .request = &request };
	struct problem problem = { .result = RESULT_OK };
	struct strbuf allow = STRBUF_INIT;
	const struct endpoint *endpoint = NULL;

	if (open_request(fcgi, self, &request, &problem))
		endpoint = find_endpoint(self->program, &request, &allow, &problem);
	if (endpoint != NULL)
		run_endpoint(endpoint, &self->worker, &request, &response, &problem);
	if (!response.sent && self->program->problem != NULL)
		self->program->problem(&self->worker, &request, &response, &problem);
	else if (!response.sent)
		response_problem(&response, &problem, allow.length > 0 ? strbuf_text(&allow) : NULL);
	log_answer(self->program, &request, &response, &problem, monotonic_us() - begun);
	strbuf_free(&allow);
	strbuf_free(&response.headers);
	request_close(&request);
}

static void worker_free(void *context)
{
	struct program_worker *self = context;

	store_free(self->worker.store);
	stripe_free(self->worker.stripe);
	free(self);
}

static void *worker_new(void *argument)
{
	const struct context *context = argument;
	struct program_worker *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->program = context->program;
	self->worker.settings = context->settings;
	self->worker.shared = context->program->shared;
	self->worker.threads = context->threads;
	self->worker.store = store_new(context->settings);
	if (context->program->calls_stripe)
		self->worker.stripe = stripe_new(context->settings);
	if (self->worker.store == NULL ||
	    (context->program->calls_stripe && self->worker.stripe == NULL)) {
		worker_free(self);
		return NULL;
	}
	return self;
}

/* Beside the serving, since a Redis that is down is no reason to start late. */
static void *inspect_stores(void *argument)
{
	struct context *context = argument;

	if (!startup_redis_usable(context->settings, &context->ended)) {
		context->unusable = true;
		kill(getpid(), SIGTERM);
	}
	return NULL;
}

static int serve_opened(const struct context *context, const struct serve *serve)
{
	const struct program *program = context->program;
	int code;

	if (program->open != NULL && !program->open(program->shared, context->settings)) {
		log_event(LOG_LEVEL_ERROR, "cannot open what the threads share", NULL);
		return EX_OSERR;
	}
	code = serve_run(serve);
	if (program->close != NULL)
		program->close(program->shared);
	return code;
}

/* The signals are blocked before there is a second thread, so that serve alone takes them. */
static int serve_inspected(struct context *context, const struct serve *serve)
{
	pthread_t inspection;
	sigset_t stop;
	int code;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &stop, NULL) != 0 ||
	    pthread_create(&inspection, NULL, inspect_stores, context) != 0) {
		log_event(LOG_LEVEL_ERROR, "cannot start a thread", NULL);
		return EX_OSERR;
	}
	code = serve_opened(context, serve);
	context->ended = true;
	pthread_join(inspection, NULL);
	return context->unusable ? EX_CONFIG : code;
}

static int listen_and_serve(struct context *context, const struct options *options)
{
	struct listener listener;
	const struct serve serve = {
		.listener = &listener, .threads = options->threads, .handler = answer,
		.worker_new = worker_new, .worker_free = worker_free, .context = context,
	};
	int code = listener_open(&listener, options->socket, options->mode, options->group);

	if (code != 0)
		return code;
	startup_log_started(context->settings, options->threads);
	code = serve_inspected(context, &serve);
	listener_close(&listener);
	return code;
}

int program_run(const struct program *program, int argc, char **argv)
{
	struct options options = { .config = STARTUP_CONFIG, .mode = DEFAULT_MODE,
		.threads = DEFAULT_THREADS };
	struct context context = { .program = program };
	struct settings *settings;
	int code = parse_options(program, argc, argv, &options);

	if (code >= 0)
		return code;
	settings = startup_settings(program->name, options.config, program->secrets);
	if (settings == NULL)
		return EX_CONFIG;
	context.settings = settings;
	context.threads = options.threads;
	if (options.test) {
		code = startup_test(program->name, options.config, settings);
	} else if (program->calls_stripe && !http_client_init()) {
		log_event(LOG_LEVEL_ERROR, "cannot start libcurl", NULL);
		code = EX_SOFTWARE;
	} else {
		code = listen_and_serve(&context, &options);
		if (program->calls_stripe)
			http_client_cleanup();
	}
	settings_free(settings);
	return code;
}
