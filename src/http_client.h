/* One HTTP exchange after another over kept connections; the only user of libcurl. */
#ifndef TOLLGATE_HTTP_CLIENT_H
#define TOLLGATE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct http_client; /* not to be shared between threads */

enum http_outcome {
	HTTP_ANSWERED,
	HTTP_NOT_SENT,  /* no connection: nothing reached the server */
	HTTP_TIMED_OUT, /* the server may or may not have done the work */
	HTTP_BROKEN,    /* connection lost under way: the same doubt */
	HTTP_FAILED,    /* ours: bad URL, out of memory, answer over max_answer */
};

struct http_request {
	const char *method;         /* "GET", "POST", "DELETE" */
	const char *url;            /* absolute; https, or http to loopback */
	const char *const *headers; /* "Name: value", NULL-ended */
	const char *bearer;         /* secret for "Authorization: Bearer", or NULL; wiped after use */
	const char *body;           /* NULL = none */
	size_t body_length;
	long connect_timeout_ms;
	long timeout_ms;            /* of the whole exchange; above 0, or it fails */
	size_t max_answer;          /* bytes of body taken at most */
};

struct http_response {
	long status;
	struct strbuf body;
	int64_t date;               /* Date header as unix time, 0 = none (RFC 9110, 6.6.1) */
	int retry_after;            /* Retry-After in seconds, -1 = none (RFC 9110, 10.2.3) */
	int should_retry;           /* Stripe-Should-Retry: 1, 0, -1 = none */
	char request_id[64];        /* Request-Id, "" = none */
};

/* Once per process, before any thread starts. */
bool http_client_init(void);
void http_client_cleanup(void);

struct http_client *http_client_new(const char *user_agent);
void http_client_free(struct http_client *client);

/* *response must be zeroed or come from an earlier call; it is refilled, and
 * the caller ends with http_response_free. Redirects are not followed.
 * No proxy is taken from the environment. */
enum http_outcome http_client_exchange(struct http_client *client,
    const struct http_request *request, struct http_response *response);
void http_response_free(struct http_response *response);

/* https, or http to 127.0.0.0/8, ::1 or localhost. */
bool http_url_allowed(const char *url);

/* Percent-encoding (RFC 3986, 2.1): a malloc'd string, or NULL. */
char *http_escape(const char *text, size_t length);
/* NULL also for a broken escape; *length without the terminator. */
char *http_unescape(const char *text, size_t length, size_t *out_length);

#endif
