/* A responder for the tests of the serving layer: each endpoint shows one thing that it does. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"

#define FIELD_MAX 64
#define BODY_MAX (64 * 1024)
#define SLOW_MAX_MS 10000
#define LARGE_MAX (4 * 1024 * 1024)

static void add(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value != NULL ? json_object_new_string(value) : NULL);
}

static enum result whoami(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	struct json_object *object = json_object_new_object();

	(void)worker;
	(void)problem;
	add(object, "site", request->site->name);
	add(object, "user", request->identity.user);
	add(object, "email", request->identity.email);
	json_object_object_add(object, "by_bearer",
	    json_object_new_boolean(request->identity.by_bearer));
	response_json(response, 200, object);
	return RESULT_OK;
}

static enum result echo(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	static const char *const words[] = { "red", "green", NULL };
	struct json_object *object;
	const char *text = NULL;
	int64_t number = -1;
	int color = -1;
	enum result result;

	(void)worker;
	if ((result = request_field(request, "text", FIELD_MAX, &text, problem)) != RESULT_OK ||
	    (result = request_field_integer(request, "number", 0, 100, &number, problem)) != RESULT_OK ||
	    (result = request_field_word(request, "color", words, &color, problem)) != RESULT_OK)
		return result;
	object = json_object_new_object();
	add(object, "text", text);
	json_object_object_add(object, "number", json_object_new_int64(number));
	add(object, "color", color >= 0 ? words[color] : NULL);
	response_json(response, 200, object);
	return RESULT_OK;
}

static enum result count(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	struct json_object *object = json_object_new_object();

	(void)worker;
	(void)problem;
	json_object_object_add(object, "bytes", json_object_new_int64((int64_t)request->body_length));
	response_json(response, 200, object);
	return RESULT_OK;
}

static enum result slow(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	int64_t ms = 0;
	enum result result = request_field_integer(request, "ms", 0, SLOW_MAX_MS, &ms, problem);
	struct timespec pause;

	if (result != RESULT_OK)
		return result;
	pause.tv_sec = ms / 1000;
	pause.tv_nsec = ms % 1000 * 1000000;
	nanosleep(&pause, NULL);
	return whoami(worker, request, response, problem);
}

static enum result large(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	struct json_object *object;
	int64_t bytes = 0;
	char *text;
	enum result result = request_field_integer(request, "bytes", 0, LARGE_MAX, &bytes, problem);

	(void)worker;
	if (result != RESULT_OK)
		return result;
	text = calloc(1, (size_t)bytes + 1);
	if (text == NULL)
		return problem_memory(problem);
	memset(text, 'x', (size_t)bytes);
	object = json_object_new_object();
	add(object, "text", text);
	free(text);
	response_json(response, 200, object);
	return RESULT_OK;
}

static enum result go(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const char *to = NULL;
	enum result result = request_field(request, "to", FIELD_MAX, &to, problem);

	(void)worker;
	if (result != RESULT_OK)
		return result;
	response_see_other(response, to != NULL ? to : "/");
	return RESULT_OK;
}

static enum result empty(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	(void)worker;
	(void)request;
	(void)problem;
	response_header(response, "Tollgate-Test", "here");
	response_empty(response, 204);
	return RESULT_OK;
}

static enum result fail(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	static const char *const words[] = { "declined", "rate_limited", "upstream", "unavailable",
		"timeout", "silent", NULL };
	static const enum result results[] = { RESULT_DECLINED, RESULT_RATE_LIMITED, RESULT_UPSTREAM,
		RESULT_UNAVAILABLE, RESULT_TIMEOUT, RESULT_OK };
	int how = 0;
	enum result result = request_field_word(request, "how", words, &how, problem);

	(void)worker;
	(void)response;
	if (result != RESULT_OK || results[how] == RESULT_OK)
		return result;
	return problem_set(problem, results[how], "as_asked", NULL, "This is what was asked for.");
}

static const struct endpoint endpoints[] = {
	{ "whoami", "GET", ACCESS_ANYBODY, 0, false, whoami },
	{ "private", "GET", ACCESS_USER, 0, false, whoami },
	{ "query", "GET", ACCESS_ANYBODY, 0, false, echo },
	{ "echo", "POST", ACCESS_USER, BODY_MAX, false, echo },
	{ "count", "POST", ACCESS_ANYBODY, BODY_MAX, true, count },
	{ "slow", "GET", ACCESS_ANYBODY, 0, false, slow },
	{ "slow", "POST", ACCESS_ANYBODY, BODY_MAX, false, slow },
	{ "large", "GET", ACCESS_ANYBODY, 0, false, large },
	{ "go", "POST", ACCESS_USER, BODY_MAX, false, go },
	{ "empty", "GET", ACCESS_ANYBODY, 0, false, empty },
	{ "fail", "GET", ACCESS_ANYBODY, 0, false, fail },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "echo_responder",
		.secrets = SECRET_IDENTITY,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
