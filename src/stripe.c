#include "stripe.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "http_client.h"
#include "jitter.h"
#include "json_read.h"
#include "log.h"
#include "monotonic.h"

#define TRIES_MAX 3
#define CONNECT_TIMEOUT_MS 3000
#define DELAY_FIRST_MS 500
#define DELAY_MAX_MS 5000
#define ANSWER_MAX (8 * 1024 * 1024)
#define HEADERS_MAX 8

struct stripe {
	const struct settings *settings;
	struct http_client *http;
	struct http_response response;
	int64_t deadline_ms; /* monotonic */
	stripe_pace *pace;   /* or NULL */
	void *pace_context;
};

struct stripe *stripe_new(const struct settings *settings)
{
	struct stripe *stripe = calloc(1, sizeof(*stripe));

	if (stripe == NULL)
		return NULL;
	stripe->settings = settings;
	stripe->http = http_client_new("tollgate/" PACKAGE_VERSION);
	if (stripe->http == NULL) {
		free(stripe);
		return NULL;
	}
	stripe_begin(stripe);
	return stripe;
}

void stripe_free(struct stripe *stripe)
{
	if (stripe == NULL)
		return;
	http_response_free(&stripe->response);
	http_client_free(stripe->http);
	free(stripe);
}

void stripe_begin(struct stripe *stripe)
{
	stripe->deadline_ms = monotonic_ms() + stripe->settings->stripe_timeout_ms;
}

int64_t stripe_timeout_ms(const struct stripe *stripe)
{
	return stripe->settings->stripe_timeout_ms;
}

void stripe_pace_by(struct stripe *stripe, stripe_pace *pace, void *context)
{
	stripe->pace = pace;
	stripe->pace_context = context;
}

static enum result keep_pace(struct stripe *stripe, const struct site *site,
    struct problem *problem)
{
	int64_t began = monotonic_ms();
	enum result result;

	if (stripe->pace == NULL)
		return RESULT_OK;
	result = stripe->pace(stripe->pace_context, site, problem);
	stripe->deadline_ms += monotonic_ms() - began;
	return result;
}

/* One request, tries and all. */
struct exchange {
	const struct site *site;
	const char *method;
	const char *path;
	struct strbuf url;
	struct strbuf body;
	char idempotency[sizeof("Idempotency-Key: ") + 255];
	char account[sizeof("Stripe-Account: ") + 255];
	const char *headers[HEADERS_MAX];
	struct http_request request;
};

static bool header_make(char *out, size_t size, const char *name, const char *value)
{
	int length = snprintf(out, size, "%s: %s", name, value);

	return length >= 0 && (size_t)length < size;
}

static bool exchange_headers(struct exchange *exchange, const char *idempotency_key)
{
	size_t n = 0;

	exchange->headers[n++] = "Stripe-Version: " STRIPE_VERSION;
	exchange->headers[n++] = "X-Stripe-Client-User-Agent: {\"bindings_version\":\"" PACKAGE_VERSION
	    "\",\"lang\":\"c\",\"publisher\":\"tollgate\"}";
	if (exchange->request.body != NULL)
		exchange->headers[n++] = "Content-Type: application/x-www-form-urlencoded";
	if (idempotency_key != NULL) {
		if (!header_make(exchange->idempotency, sizeof(exchange->idempotency),
		    "Idempotency-Key", idempotency_key))
			return false;
		exchange->headers[n++] = exchange->idempotency;
	}
	if (exchange->site->stripe_account != NULL) {
		if (!header_make(exchange->account, sizeof(exchange->account), "Stripe-Account",
		    exchange->site->stripe_account))
			return false;
		exchange->headers[n++] = exchange->account;
	}
	exchange->headers[n] = NULL;
	return true;
}

static bool exchange_open(struct exchange *exchange, const struct stripe *stripe,
    const struct form *form, const char *idempotency_key)
{
	bool query = strcmp(exchange->method, "POST") != 0;

	strbuf_append(&exchange->url, stripe->settings->stripe_api_base);
	strbuf_append(&exchange->url, exchange->path);
	if (form != NULL && query)
		strbuf_append(&exchange->url, "?");
	if (form != NULL)
		form_encode(form, query ? &exchange->url : &exchange->body);
	if (exchange->url.failed || exchange->body.failed || (form != NULL && form_failed(form)))
		return false;
	exchange->request = (struct http_request){
		.method = exchange->method,
		.url = strbuf_text(&exchange->url),
		.headers = exchange->headers,
		.bearer = exchange->site->stripe_key.text,
		.body = query ? NULL : strbuf_text(&exchange->body),
		.body_length = exchange->body.length,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.max_answer = ANSWER_MAX,
	};
	return exchange_headers(exchange, idempotency_key);
}

static void exchange_close(struct exchange *exchange)
{
	strbuf_free(&exchange->url);
	strbuf_wipe(&exchange->body);
}

/* Stripe says with a header when it knows; else these are worth another try
 * (docs.stripe.com/error-low-level). A 429 is not, unless told so. */
static bool worth_another_try(enum http_outcome outcome, const struct http_response *response)
{
	if (outcome == HTTP_FAILED)
		return false;
	if (outcome != HTTP_ANSWERED)
		return true;
	if (response->should_retry >= 0)
		return response->should_retry == 1;
	return response->status == 409 || response->status >= 500;
}

/* 0.5 s doubled each time, at most 5 s, half of it by chance; Retry-After if that is longer. */
static int64_t delay_ms(const struct stripe *stripe, int try, enum http_outcome outcome)
{
	int64_t delay = (int64_t)DELAY_FIRST_MS << try;

	if (delay > DELAY_MAX_MS)
		delay = DELAY_MAX_MS;
	delay = delay / 2 + jitter(delay / 2);
	if (outcome == HTTP_ANSWERED && (int64_t)stripe->response.retry_after * 1000 > delay)
		delay = (int64_t)stripe->response.retry_after * 1000;
	return delay;
}

static enum http_outcome exchange_run(struct exchange *exchange, struct stripe *stripe)
{
	enum http_outcome outcome = HTTP_TIMED_OUT;
	int64_t left, delay;
	int try;

	for (try = 0; try < TRIES_MAX; try++) {
		left = stripe->deadline_ms - monotonic_ms();
		if (left <= 0)
			break;
		/* A try that hangs must leave time for another one. */
		exchange->request.timeout_ms = try + 1 < TRIES_MAX ? left * 3 / 5 + 1 : left;
		outcome = http_client_exchange(stripe->http, &exchange->request, &stripe->response);
		if (!worth_another_try(outcome, &stripe->response))
			break;
		delay = delay_ms(stripe, try, outcome);
		if (try + 1 == TRIES_MAX || monotonic_ms() + delay >= stripe->deadline_ms)
			break;
		monotonic_sleep_ms(delay);
	}
	return outcome;
}

/* What no browser may see: Stripe names keys and accounts in some messages. */
static bool message_is_private(const char *message)
{
	static const char *const marks[] = { "sk_", "rk_", "pk_", "whsec_", "acct_", "API key" };
	size_t i;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strstr(message, marks[i]) != NULL)
			return true;
	return false;
}

/* A code or the name of a parameter; NULL for what looks like neither. */
static const char *word_at(struct json_object *error, const char *pointer)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]";
	const char *word = json_text(error, pointer);

	return word != NULL && word[0] != '\0' && word[strspn(word, allowed)] == '\0' &&
	    !message_is_private(word) ? word : NULL;
}

static const struct {
	long status;
	enum result result;
	const char *code;    /* when Stripe says none */
	const char *message; /* instead of Stripe's, when that is about us, not about the caller */
} status_table[] = {
	{ 400, RESULT_INVALID, "stripe_refused", NULL },
	{ 401, RESULT_UPSTREAM, "stripe_refused", "The payment provider refused our credentials." },
	{ 402, RESULT_DECLINED, "card_declined", NULL },
	{ 403, RESULT_UPSTREAM, "stripe_refused", "The payment provider refused our credentials." },
	{ 404, RESULT_NOT_FOUND, "resource_missing", NULL },
	{ 409, RESULT_CONFLICT, "idempotency_key_in_use", NULL },
	{ 429, RESULT_RATE_LIMITED, "rate_limit", "Too many requests; try again shortly." },
};

static enum result problem_of_error(const struct http_response *response, struct json_object *error,
    struct problem *problem)
{
	const char *type = json_text(error, "/type");
	const char *code = word_at(error, "/decline_code");
	const char *param = word_at(error, "/param");
	const char *message = json_text(error, "/message");
	enum result result = RESULT_UPSTREAM;
	const char *fallback = "stripe_failed";
	size_t i;

	for (i = 0; i < sizeof(status_table) / sizeof(status_table[0]); i++) {
		if (status_table[i].status != response->status)
			continue;
		result = status_table[i].result;
		fallback = status_table[i].code;
		if (status_table[i].message != NULL)
			message = status_table[i].message;
		if (result == RESULT_UPSTREAM)
			code = fallback; /* whatever the word is, it is about our key */
	}
	if (type != NULL && strcmp(type, "idempotency_error") == 0)
		result = RESULT_CONFLICT;
	if (code == NULL)
		code = word_at(error, "/code");
	if (message == NULL || response->status >= 500 || message_is_private(message))
		message = "The payment provider could not do this.";
	problem_set(problem, result, code != NULL ? code : fallback, param, "%s", message);
	if (response->retry_after > 0)
		problem->retry_after = response->retry_after;
	return result;
}

enum result stripe_unexpected(struct problem *problem)
{
	return problem_set(problem, RESULT_DOUBTFUL, "stripe_failed", NULL,
	    "The payment provider's answer could not be used.");
}

enum result stripe_refused(struct problem *problem)
{
	return problem_set(problem, RESULT_UPSTREAM, "stripe_refused", NULL,
	    "The payment provider refused what this site sent.");
}

static enum result problem_of_outcome(enum http_outcome outcome, struct problem *problem)
{
	switch (outcome) {
	case HTTP_TIMED_OUT:
		return problem_set(problem, RESULT_TIMEOUT, "stripe_timeout", NULL,
		    "The payment provider did not answer in time.");
	case HTTP_NOT_SENT:
	case HTTP_BROKEN:
		return problem_set(problem, RESULT_UNAVAILABLE, "stripe_unreachable", NULL,
		    "The payment provider cannot be reached.");
	default:
		return stripe_unexpected(problem);
	}
}

static void log_failure(const struct exchange *exchange, enum http_outcome outcome,
    const struct http_response *response, const struct problem *problem)
{
	char status[24] = "none";
	enum log_level level = problem->result == RESULT_DECLINED ||
	    problem->result == RESULT_NOT_FOUND ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

	if (outcome == HTTP_ANSWERED)
		snprintf(status, sizeof(status), "%ld", response->status);
	log_event(level, "stripe call failed", "method", exchange->method, "path", exchange->path,
	    "status", status, "code", problem->code, "param", problem->param,
	    "stripe_request", response->request_id, NULL);
}

/* The outcome of all tries, as answer or problem. */
static enum result exchange_result(const struct exchange *exchange, struct stripe *stripe,
    enum http_outcome outcome, struct stripe_answer *answer, struct problem *problem)
{
	struct http_response *response = &stripe->response;
	struct json_object *object = NULL;
	enum result result;

	if (outcome == HTTP_ANSWERED)
		object = json_parse_object(strbuf_text(&response->body), response->body.length);
	if (object != NULL && response->status >= 200 && response->status < 300) {
		answer->object = object;
		answer->date = response->date;
		return RESULT_OK;
	}
	if (outcome != HTTP_ANSWERED || response->status < 300)
		result = problem_of_outcome(outcome == HTTP_ANSWERED ? HTTP_FAILED : outcome, problem);
	else
		result = problem_of_error(response, json_at(object, "/error"), problem);
	log_failure(exchange, outcome, response, problem);
	json_object_put(object);
	return result;
}

enum result stripe_call(struct stripe *stripe, const struct site *site, const char *method,
    const char *path, const struct form *form, const char *idempotency_key,
    struct stripe_answer *answer, struct problem *problem)
{
	struct exchange exchange = { .site = site, .method = method, .path = path };
	enum result result = keep_pace(stripe, site, problem);

	if (result != RESULT_OK)
		return result;
	if (exchange_open(&exchange, stripe, form, idempotency_key))
		result = exchange_result(&exchange, stripe, exchange_run(&exchange, stripe),
		    answer, problem);
	else
		result = problem_memory(problem);
	exchange_close(&exchange);
	return result;
}

enum result stripe_list(struct stripe *stripe, const struct site *site, const char *path,
    const struct form *form, struct stripe_answer *answer, struct problem *problem)
{
	struct stripe_answer page = { 0 };
	enum result result = stripe_call(stripe, site, "GET", path, form, NULL, &page, problem);

	if (result != RESULT_OK)
		return result;
	if (!json_object_is_type(json_at(page.object, "/data"), json_type_array)) {
		json_object_put(page.object);
		return stripe_unexpected(problem);
	}
	*answer = page;
	return RESULT_OK;
}

bool stripe_path(char path[STRIPE_PATH_SIZE], const char *collection, const char *id,
    const char *tail)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	int length;

	if (id[0] == '\0' || id[strspn(id, allowed)] != '\0')
		return false;
	length = snprintf(path, STRIPE_PATH_SIZE, "%s%s%s", collection, id, tail != NULL ? tail : "");
	return length >= 0 && length < STRIPE_PATH_SIZE;
}

bool stripe_digest(char hex[STRIPE_DIGEST_SIZE], ...)
{
	struct strbuf parts = STRBUF_INIT;
	unsigned char digest[EVP_MAX_MD_SIZE];
	const char *part;
	bool done;
	va_list ap;

	va_start(ap, hex);
	while ((part = va_arg(ap, const char *)) != NULL) {
		strbuf_appendf(&parts, "%zu:", strlen(part));
		strbuf_append(&parts, part);
	}
	va_end(ap);
	done = !parts.failed &&
	    EVP_Digest(parts.data, parts.length, digest, NULL, EVP_sha256(), NULL) == 1;
	if (done)
		hex_encode(hex, digest, (STRIPE_DIGEST_SIZE - 1) / 2);
	strbuf_free(&parts);
	return done;
}

bool stripe_form_digest(char hex[STRIPE_DIGEST_SIZE], const struct form *form)
{
	struct strbuf text = STRBUF_INIT;
	bool done = false;

	if (form != NULL && !form_failed(form)) {
		form_encode(form, &text);
		done = !text.failed && stripe_digest(hex, strbuf_text(&text), NULL);
	}
	strbuf_free(&text);
	return done;
}
