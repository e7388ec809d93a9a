/* What every responder is: a table of endpoints and the secrets it may open. */
#ifndef TOLLGATE_PROGRAM_H
#define TOLLGATE_PROGRAM_H

#include "problem.h"
#include "request.h"
#include "response.h"
#include "settings.h"
#include "store.h"
#include "stripe.h"

/* What a thread holds. */
struct worker {
	const struct settings *settings;
	struct store *store;
	struct stripe *stripe; /* NULL in programs without a Stripe key */
	void *shared;          /* the program's own, one for all threads */
	int threads;           /* that there are */
};

/* Answers, or fills *problem and returns its result: then the problem is the answer. */
typedef enum result endpoint_handler(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem);

/* Asked in this order, each before the next: path, method, identity, origin, body, handler. */
enum endpoint_access {
	ACCESS_USER,      /* needs an identity; state-changing methods need same origin */
	ACCESS_SERVER,    /* the same, and that the site's own server asks for the user */
	ACCESS_ANYBODY,   /* no identity needed, none refused */
};

struct endpoint {
	const char *name;          /* last path segment; "" = any path (the gate) */
	const char *method;        /* GET also takes HEAD; "" = any, and neither query nor body is read */
	enum endpoint_access access;
	size_t body_max;           /* bytes; more is 413 */
	bool raw_body;             /* the handler reads the body's bytes itself */
	endpoint_handler *handler;
};

/* Answers with a problem in the program's own way; the request may have no site. */
typedef void problem_handler(struct worker *worker, const struct request *request,
    struct response *response, const struct problem *problem);

struct program {
	const char *name;
	unsigned secrets;          /* enum settings_secret */
	bool calls_stripe;
	bool quiet;                /* answers are logged at debug only */
	bool finds_site;           /* by the body, where the web server names none: request->siteless */
	void *shared;
	const struct endpoint *endpoints;
	size_t n_endpoints;
	problem_handler *problem;  /* NULL: response_problem */
	/* Around the serving, or NULL; its threads end in close. */
	bool (*open)(void *shared, const struct settings *settings);
	void (*close)(void *shared);
};

/* Options of section 11, settings, log, listen, serve, close. Returns the exit code. */
int program_run(const struct program *program, int argc, char **argv);

#endif
