#include "response.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_client.h"
#include "json_write.h"
#include "log.h"
#include "utf8.h"

#define RETRY_AFTER_DEFAULT 5

static const struct {
	int status;
	const char *type; /* Stripe's error types */
} answers[] = {
	[RESULT_OK] = { 200, "api_error" },
	[RESULT_INVALID] = { 400, "invalid_request_error" },
	[RESULT_UNIDENTIFIED] = { 401, "authentication_error" },
	[RESULT_DECLINED] = { 402, "card_error" },
	[RESULT_FORBIDDEN] = { 403, "invalid_request_error" },
	[RESULT_NOT_FOUND] = { 404, "invalid_request_error" },
	[RESULT_METHOD] = { 405, "invalid_request_error" },
	[RESULT_CONFLICT] = { 409, "invalid_request_error" },
	[RESULT_TOO_LARGE] = { 413, "invalid_request_error" },
	[RESULT_MEDIA_TYPE] = { 415, "invalid_request_error" },
	[RESULT_RATE_LIMITED] = { 429, "rate_limit_error" },
	[RESULT_INTERNAL] = { 500, "api_error" },
	[RESULT_UPSTREAM] = { 502, "api_error" },
	[RESULT_DOUBTFUL] = { 502, "api_error" },
	[RESULT_UNAVAILABLE] = { 503, "api_error" },
	[RESULT_TIMEOUT] = { 504, "api_error" },
};

/* RFC 9110, 15. */
static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" }, { 204, "No Content" }, { 303, "See Other" }, { 304, "Not Modified" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" },
	{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
	{ 409, "Conflict" }, { 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
	{ 429, "Too Many Requests" }, { 500, "Internal Server Error" }, { 502, "Bad Gateway" },
	{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
};

int response_status_of(enum result result)
{
	return answers[result].status;
}

static const char *phrase_of(int status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

void response_header(struct response *response, const char *name, const char *value)
{
	if (!utf8_printable(value, strlen(value)))
		return;
	strbuf_append(&response->headers, name);
	strbuf_append(&response->headers, ": ");
	strbuf_append(&response->headers, value);
	strbuf_append(&response->headers, "\r\n");
}

/* What cannot be written is lost with its connection: serve notices when it finishes. */
static void send_answer(struct response *response, int status, const char *body)
{
	FCGX_Stream *out = response->fcgi->out;
	const char *headers = strbuf_text(&response->headers);

	if (headers == NULL) {
		log_event(LOG_LEVEL_ERROR, "out of memory", NULL);
		status = response_status_of(RESULT_INTERNAL);
		headers = body = "";
	}
	FCGX_FPrintF(out, "Status: %d %s\r\nCache-Control: no-store\r\n", status, phrase_of(status));
	if (response->request->id[0] != '\0')
		FCGX_FPrintF(out, "X-Request-Id: %s\r\n", response->request->id);
	FCGX_PutS(headers, out);
	FCGX_PutS("\r\n", out);
	if (!response->request->head)
		FCGX_PutS(body, out);
	response->status = status;
	response->sent = true;
}

void response_empty(struct response *response, int status)
{
	send_answer(response, status, "");
}

void response_authorized(struct response *response)
{
	const char *headers = strbuf_text(&response->headers);

	if (headers == NULL) {
		response_empty(response, 200); /* makes an error of it */
		return;
	}
	FCGX_FPrintF(response->fcgi->out, "Status: 200 OK\r\n%s\r\n", headers);
	response->status = 200;
	response->sent = true;
}

void response_json(struct response *response, int status, struct json_object *object)
{
	const char *text = json_write(object);
	char length[24];
	int n = snprintf(length, sizeof(length), "%zu", text != NULL ? strlen(text) : 0);

	if (text == NULL || n < 0) {
		log_event(LOG_LEVEL_ERROR, "out of memory", NULL);
		send_answer(response, response_status_of(RESULT_INTERNAL), "");
	} else {
		response_header(response, "Content-Type", "application/json");
		response_header(response, "Content-Length", length);
		send_answer(response, status, text);
	}
	json_object_put(object);
}

void response_see_other(struct response *response, const char *location)
{
	struct strbuf url = STRBUF_INIT;

	/* Absolute, since nginx takes a path for an internal redirect. */
	if (location[0] == '/')
		strbuf_append(&url, response->request->site->origin);
	strbuf_append(&url, location);
	if (strbuf_text(&url) != NULL && utf8_printable(url.data, url.length)) {
		response_header(response, "Location", url.data);
		send_answer(response, 303, "");
	} else {
		log_event(LOG_LEVEL_ERROR, "cannot redirect", NULL);
		send_answer(response, response_status_of(RESULT_INTERNAL), "");
	}
	strbuf_free(&url);
}

static struct json_object *error_object(const struct request *request, const struct problem *problem)
{
	struct json_object *outer = json_object_new_object();
	struct json_object *error = json_object_new_object();

	json_add_text(error, "type", answers[problem->result].type);
	json_add_text(error, "code", problem->code);
	json_add_text(error, "message", problem->message);
	if (problem->param[0] != '\0')
		json_add_text(error, "param", problem->param);
	json_add_text(error, "request_id", request->id);
	json_add(outer, "error", error);
	return outer;
}

static void redirect_to_error_path(struct response *response, const struct problem *problem)
{
	const char *path = response->request->site->error_path;
	char *code = http_escape(problem->code, strlen(problem->code));
	struct strbuf location = STRBUF_INIT;

	strbuf_append(&location, path);
	strbuf_append(&location, strchr(path, '?') != NULL ? "&error=" : "?error=");
	strbuf_append(&location, code != NULL ? code : "");
	response_see_other(response, strbuf_text(&location) != NULL ? location.data : path);
	strbuf_free(&location);
	free(code);
}

/* RFC 9110: 10.2.3, 11.6.1, 15.5.6. */
static void add_problem_headers(struct response *response, const struct problem *problem,
    const char *allow)
{
	int seconds = problem->retry_after > 0 ? problem->retry_after : RETRY_AFTER_DEFAULT;
	char text[16];

	if ((problem->result == RESULT_RATE_LIMITED || problem->result == RESULT_UNAVAILABLE) &&
	    snprintf(text, sizeof(text), "%d", seconds) > 0)
		response_header(response, "Retry-After", text);
	if (problem->result == RESULT_UNIDENTIFIED)
		response_header(response, "WWW-Authenticate", "Bearer");
	if (allow != NULL)
		response_header(response, "Allow", allow);
}

void response_problem(struct response *response, const struct problem *problem, const char *allow)
{
	const struct request *request = response->request;

	if (!request->wants_json && request->site != NULL && request->site->error_path != NULL) {
		redirect_to_error_path(response, problem);
		return;
	}
	add_problem_headers(response, problem, allow);
	response_json(response, response_status_of(problem->result), error_object(request, problem));
}
