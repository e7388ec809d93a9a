/* An answer: status, headers, JSON or redirect, and the one table from problem to HTTP. */
#ifndef TOLLGATE_RESPONSE_H
#define TOLLGATE_RESPONSE_H

#include <stdbool.h>

#include "problem.h"
#include "request.h"

struct json_object;

struct response {
	FCGX_Request *fcgi;
	const struct request *request;
	struct strbuf headers; /* added by response_header, sent with the answer */
	bool sent;
	int status;            /* what was sent, for the log */
};

/* A further header for the answer to come. Control characters in `value` drop it. */
void response_header(struct response *response, const char *name, const char *value);

/* Each sends the whole answer, once; Cache-Control: no-store and X-Request-Id always. */
void response_empty(struct response *response, int status);
/* An Authorizer lets pass (FastCGI specification, 6.3): 200, and no header but those that were added,
 * since Apache gives the rest to the page, which has its own. */
void response_authorized(struct response *response);
/* Takes over `object` (json_object_put). */
void response_json(struct response *response, int status, struct json_object *object);
/* 303 See Other (RFC 9110, 15.4.4) to a URL or path without control characters. */
void response_see_other(struct response *response, const char *location);
/* JSON in Stripe's shape, or for a browser's form 303 to error_path. `allow` for 405, else NULL. */
void response_problem(struct response *response, const struct problem *problem, const char *allow);

int response_status_of(enum result result);

#endif
