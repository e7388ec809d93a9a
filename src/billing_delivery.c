#include "billing_delivery.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "jitter.h"
#include "json_read.h"
#include "json_write.h"
#include "log.h"
#include "monotonic.h"
#include "store_delivery.h"
#include "webhook_signature.h"

#define DAYS 86400
#define HOURS 3600
#define MINUTES 60

#define TRIED_FOR (3 * DAYS)
#define RUN_MS 5000
#define CONNECT_MS 3000
#define EXCHANGE_MS 10000
#define ANSWER_MAX (1024 * 1024) /* it is not looked at, but a longer one is a failure */
#define HEADER_SIZE 512
#define GONE 410

/* "Retry schedule" of the specification. */
static const int64_t delays[] = {
	5, 5 * MINUTES, 30 * MINUTES, 2 * HOURS, 5 * HOURS, 10 * HOURS, 14 * HOURS, 20 * HOURS, 24 * HOURS,
};
#define N_DELAYS ((int64_t)(sizeof(delays) / sizeof(delays[0])))

struct courier {
	struct store *store;
	struct http_client *http;
	const struct site *site;
	int64_t now, began_ms; /* when the run began, by either clock */
	bool slow;             /* the receiver took all the time that it had */
};

/* What a notice says; borrowed, but for `said`. */
struct message {
	const char *id, *type;
	struct json_object *said;
};

/* How one attempt went. */
struct attempt {
	enum http_outcome outcome;
	struct http_response response;
};

static int64_t elapsed_ms(const struct courier *courier)
{
	return monotonic_ms() - courier->began_ms;
}

static int64_t present(const struct courier *courier)
{
	return courier->now + elapsed_ms(courier) / 1000;
}

bool billing_delivery_again(int64_t now, int64_t since, int64_t attempts, int retry_after,
    int64_t *due)
{
	int64_t delay = delays[(attempts < N_DELAYS ? attempts : N_DELAYS) - 1];
	int64_t last = since + TRIED_FOR;

	if (now >= last)
		return false;
	delay += jitter(delay / 4);
	if (delay < retry_after)
		delay = retry_after;
	*due = now + delay < last ? now + delay : last;
	return true;
}

/* Empty is nobody, and is left out. */
static bool add_time(struct json_object *object, const char *key, int64_t seconds)
{
	const time_t when = (time_t)seconds;
	struct tm utc;
	char text[32];

	return gmtime_r(&when, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0
	    && json_add_text_if_any(object, key, text);
}

/* Takes over `data`; whom it is about stands in front of the rest. */
static bool add_data(struct json_object *body, struct json_object *notice, struct json_object *said)
{
	struct json_object *data = json_object_new_object();

	if (!json_add(body, "data", data) || !json_add_text_if_any(data, "customer", json_text(notice, "/customer"))
	    || !json_add_text_if_any(data, "user", json_text(notice, "/user")))
		return false;
	json_object_object_foreach(said, key, value) {
		if (!json_add_read(data, key, value))
			return false;
	}
	return true;
}

static bool message_read(struct json_object *notice, struct message *message)
{
	const char *text = json_text(notice, "/data");

	message->id = json_text(notice, "/id");
	message->type = json_text(notice, "/type");
	message->said = text ? json_parse_object(text, strlen(text)) : NULL;
	return message->id && message->type && message->said;
}

/* NULL when out of memory. */
static struct json_object *body_make(const struct message *message, struct json_object *notice)
{
	struct json_object *body = json_object_new_object();

	if (body && json_add_text_if_any(body, "type", message->type)
	    && add_time(body, "timestamp", json_integer(notice, "/created"))
	    && add_data(body, notice, message->said))
		return body;
	json_object_put(body);
	return NULL;
}

static void post(const struct courier *courier, const char *id, const char *payload,
    struct attempt *attempt)
{
	char id_header[HEADER_SIZE], time_header[64], signature_header[HEADER_SIZE];
	char signature[WEBHOOK_SIGNATURE_SIZE];
	const char *const headers[] = {
		"Content-Type: application/json", id_header, time_header, signature_header, NULL,
	};
	const struct http_request request = {
		.method = "POST",
		.url = courier->site->notify_url,
		.headers = headers,
		.body = payload,
		.body_length = strlen(payload),
		.connect_timeout_ms = CONNECT_MS,
		.timeout_ms = EXCHANGE_MS,
		.max_answer = ANSWER_MAX,
	};
	int64_t now = present(courier);
	int length = snprintf(id_header, sizeof(id_header), "webhook-id: %s", id);

	if (length < 0 || (size_t)length >= sizeof(id_header)
	    || !webhook_sign(&courier->site->notify_secret, id, now, payload, signature))
		return;
	snprintf(time_header, sizeof(time_header), "webhook-timestamp: %" PRId64, now);
	snprintf(signature_header, sizeof(signature_header), "webhook-signature: %s", signature);
	attempt->outcome = http_client_exchange(courier->http, &request, &attempt->response);
}

static void attempt_make(const struct courier *courier, const struct message *message,
    struct json_object *notice, struct attempt *attempt)
{
	struct json_object *body = body_make(message, notice);
	const char *payload = json_write(body);

	if (payload)
		post(courier, message->id, payload, attempt);
	json_object_put(body);
}

static void log_end(enum log_level level, const char *event, const struct store_delivery *delivery,
    const char *why)
{
	char attempt[24];

	snprintf(attempt, sizeof(attempt), "%" PRId64, delivery->attempts + 1);
	log_event(level, event, "id", json_text(delivery->notice, "/id"),
	    "type", json_text(delivery->notice, "/type"), "attempt", attempt, "why", why, NULL);
}

static enum store_delivery_end give_up(const struct store_delivery *delivery, const char *why)
{
	log_end(LOG_LEVEL_ERROR, "notice given up", delivery, why);
	return DELIVERY_GIVEN_UP;
}

static enum store_delivery_end judge(const struct store_delivery *delivery,
    const struct attempt *attempt, int64_t now, int64_t *due)
{
	static const char *const outcomes[] = {
		[HTTP_NOT_SENT] = "not reached",
		[HTTP_TIMED_OUT] = "too slow",
		[HTTP_BROKEN] = "connection lost",
		[HTTP_FAILED] = "cannot be sent or answer too long",
	};
	long status = attempt->response.status;
	char number[24];
	const char *why = number;

	*due = now;
	snprintf(number, sizeof(number), "%ld", status);
	if (attempt->outcome != HTTP_ANSWERED)
		why = outcomes[attempt->outcome];
	else if (status / 100 == 2) {
		log_end(LOG_LEVEL_INFO, "notice delivered", delivery, NULL);
		return DELIVERY_DONE;
	} else if (status == GONE)
		return give_up(delivery, why);
	if (!billing_delivery_again(now, json_integer(delivery->notice, "/since"),
	    delivery->attempts + 1, attempt->response.retry_after, due))
		return give_up(delivery, why);
	log_end(LOG_LEVEL_WARNING, "notice not taken", delivery, why);
	return DELIVERY_FAILED;
}

static void log_lost(int64_t lost)
{
	char count[24];

	if (lost == 0)
		return;
	snprintf(count, sizeof(count), "%" PRId64, lost);
	log_event(LOG_LEVEL_ERROR, "notices lost",
	    "why", "trimmed or too old before they were seen", "count", count, NULL);
}

/* To the receiver, and what came of it into the store. */
static enum result bring(struct courier *courier, const struct store_delivery *delivery)
{
	struct attempt attempt = { .outcome = HTTP_FAILED };
	enum store_delivery_end end;
	struct message message;
	int64_t due;

	if (message_read(delivery->notice, &message)) {
		attempt_make(courier, &message, delivery->notice, &attempt);
		end = judge(delivery, &attempt, present(courier), &due);
	} else {
		end = give_up(delivery, "not to be read");
		due = present(courier);
	}
	courier->slow = attempt.outcome == HTTP_TIMED_OUT;
	json_object_put(message.said);
	http_response_free(&attempt.response);
	return store_delivery_settle(courier->store, courier->site, delivery, end, due);
}

/* Of the lane that is due first; *due: there was one. */
static enum result bring_next(struct courier *courier, bool *due)
{
	struct store_delivery delivery;
	enum result result = store_delivery_take(courier->store, courier->site, present(courier),
	    TRIED_FOR, &delivery);

	if (result != RESULT_OK)
		return result;
	log_lost(delivery.lost);
	*due = delivery.entry != NULL;
	if (*due)
		result = bring(courier, &delivery);
	store_delivery_free(&delivery);
	return result;
}

enum result billing_delivery_run(struct store *store, struct http_client *http,
    const struct site *site, int64_t now, bool *more, struct problem *problem)
{
	struct courier courier = { store, http, site, now, monotonic_ms(), false };
	bool due = site->notify_url != NULL;

	while (due && !courier.slow && elapsed_ms(&courier) < RUN_MS) {
		if (bring_next(&courier, &due) != RESULT_OK)
			return problem_store(problem);
	}
	*more = due;
	return RESULT_OK;
}
