/* A request as an endpoint sees it: checked params, who asks, bounded input. */
#ifndef TOLLGATE_REQUEST_H
#define TOLLGATE_REQUEST_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "form.h"
#include "identity.h"
#include "problem.h"
#include "settings.h"

struct request {
	FCGX_Request *fcgi;
	const struct site *site;
	bool siteless;               /* the web server names none, and there are several */
	int64_t now;
	char id[65];                 /* X-Request-Id */
	const char *method;
	char endpoint[64];           /* last path segment, without the query */
	struct identity identity;    /* user "" = nobody */
	char user_hash[65];
	char *body;                  /* as it came, NULL = none read */
	size_t body_length;
	struct json_object *json;    /* when JSON was sent */
	struct form *form;           /* when a form was sent, or a GET's query */
	bool wants_json;             /* how to answer */
	bool head;
};

/* Reads the trusted params, never the body: site, request id, identity, kind
 * of answer wanted. RESULT_INVALID: a trusted param twice with different
 * values, unknown site, bad user id. */
enum result request_open(FCGX_Request *fcgi, const struct settings *settings, int64_t now,
    struct request *request, struct problem *problem);
/* Reads the body, at most `max` bytes of it (RESULT_TOO_LARGE; serve reads the
 * rest), and parses it unless `raw`: JSON object, form, or nothing at all. Of a
 * GET or HEAD the query is the form, and the body is left.
 * RESULT_MEDIA_TYPE, RESULT_INVALID. */
enum result request_read_body(struct request *request, size_t max, bool raw, struct problem *problem);
/* RESULT_UNAVAILABLE: the site's configuration is broken. */
enum result request_site_unavailable(struct problem *problem);
void request_close(struct request *request);

/* Same-origin rule for methods that change state. A header that
 * says another origin refuses even who has a bearer token. */
enum result request_check_origin(const struct request *request, struct problem *problem);

/* A FastCGI param, of several the first that is not empty; NULL when there is
 * none such. Borrowed. */
const char *request_param(const struct request *request, const char *name);
/* A Content-Type is this type, whatever its parameters (RFC 9110, 8.3.1). */
bool request_type_is(const char *content_type, const char *type);

/* A field of the input by its name, whatever it came as; "a[b]" is b within a. *value NULL when it is
 * absent, null or empty; borrowed from the request. RESULT_INVALID when it
 * comes twice, is no string, is longer than `max` bytes or holds a control
 * character. */
enum result request_field(const struct request *request, const char *name, size_t max,
    const char **value, struct problem *problem);
/* A whole number within [min, max], as JSON number or decimal digits; *value
 * unchanged when the field is absent. */
enum result request_field_integer(const struct request *request, const char *name,
    int64_t min, int64_t max, int64_t *value, struct problem *problem);
/* One of the words, as an index; *index unchanged when absent. `words` is NULL-ended. */
enum result request_field_word(const struct request *request, const char *name,
    const char *const *words, int *index, struct problem *problem);

/* A path on the site's own origin: begins with one "/", no backslash, control
 * character, or anything a browser would take for another host
 * (WHATWG URL, section 4.4). */
bool request_path_is_own(const char *path);

#endif
