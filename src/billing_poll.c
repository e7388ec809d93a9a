#include "billing_poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "billing_event.h"
#include "log.h"
#include "stripe_event_list.h"

#define OVERLAP 600          /* seconds: Stripe lists some events late */
#define EVENTS_MAX 500       /* in memory at a time; a longer time is asked for in pieces */
#define LEASE_MS 300000
#define INTERVAL_MIN 60
#define INTERVAL_MAX 900
#define CURSOR "events_cursor"
#define INTERVAL "events_interval"

/* A time span that is asked for; to = 0: until now. */
struct span {
	int64_t from, to;
};

struct tally {
	size_t fresh;    /* since the last poll */
	size_t missing;  /* that Redis had not seen */
};

/* Of what no rule is about nothing is kept, so nothing tells whether it was seen. */
static size_t known_events(const struct stripe_event_list *list,
    const struct stripe_event **events, const char **ids)
{
	size_t count = 0;

	for (size_t i = list->count; i-- > 0;) {
		if (!billing_event_known(&list->data[i]))
			continue;
		ids[count] = list->data[i].id;
		events[count++] = &list->data[i];
	}
	return count;
}

static enum result take_event(const struct billing *billing, const struct stripe_event *event,
    struct tally *tally, struct problem *problem)
{
	enum event_outcome outcome;
	enum result result = billing_event_take(billing->store, billing->site, event,
	    (int64_t)time(NULL), &outcome, problem);

	if (result != RESULT_OK)
		return result;
	tally->missing++;
	log_event(LOG_LEVEL_INFO, "missing event", "id", event->id, "type", event->type,
	    "outcome", event_outcome_str(outcome), NULL);
	return RESULT_OK;
}

/* Oldest first. */
static enum result take_list(const struct billing *billing, const struct stripe_event_list *list,
    struct tally *tally, struct problem *problem)
{
	const struct stripe_event **events = calloc(list->count + 1, sizeof(struct stripe_event *));
	const char **ids = calloc(list->count + 1, sizeof(*ids));
	bool *seen = calloc(list->count + 1, sizeof(*seen));
	enum result result = RESULT_OK;
	size_t count;

	if (!events || !ids || !seen) {
		result = problem_memory(problem);
		goto out;
	}
	count = known_events(list, events, ids);
	if (store_events_seen(billing->store, billing->site, ids, count, seen) != RESULT_OK)
		result = problem_store(problem);
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		if (!seen[i])
			result = take_event(billing, events[i], tally, problem);
out:
	free(events);
	free(ids);
	free(seen);
	return result;
}

static void count_fresh(const struct stripe_event_list *list, int64_t cursor, struct tally *tally)
{
	for (size_t i = 0; i < list->count; i++)
		tally->fresh += list->data[i].created > cursor;
}

static enum result cursor_move(const struct billing *billing, const struct store_duty *duty,
    int64_t to, struct problem *problem)
{
	enum result result = store_duty_renew(billing->store, billing->site, duty, LEASE_MS);

	if (result == RESULT_NOT_FOUND)
		return problem_set(problem, RESULT_CONFLICT, "duty_lost", NULL,
		    "Another daemon reads the events meanwhile.");
	if (result == RESULT_OK)
		result = store_duty_number_write(billing->store, billing->site, CURSOR, to);
	return result == RESULT_OK ? RESULT_OK : problem_store(problem);
}

/* All of the span, or, when that is too much at once, its older half as the next one. */
static enum result poll_span(const struct billing *billing, const struct store_duty *duty,
    int64_t cursor, struct span *span, struct tally *tally, struct problem *problem)
{
	struct stripe_event_list list = { 0 };
	int64_t date, end, width;
	enum result result;

	stripe_begin(billing->stripe);
	result = stripe_event_list(billing->stripe, billing->site, span->from, span->to,
	    span->to == span->from + 1 ? SIZE_MAX : EVENTS_MAX, &list, problem);
	if (result != RESULT_OK)
		return result;
	date = list.date ? list.date : (int64_t)time(NULL);
	end = span->to ? span->to : date;
	width = end - span->from;
	if (list.more && width > 1) {
		span->to = span->from + width / 2;
		goto out;
	}
	result = take_list(billing, &list, tally, problem);
	if (result == RESULT_OK)
		result = cursor_move(billing, duty, end > cursor ? end : cursor, problem);
	count_fresh(&list, cursor, tally);
	/* Twice as wide: what was halved for a burst is wide again behind it. */
	if (span->to)
		*span = (struct span){ .from = end, .to = end + 2 * width < date ? end + 2 * width : 0 };
	else
		span->from = 0;
out:
	stripe_event_list_free(&list);
	return result;
}

static void log_poll(const struct tally *tally)
{
	char fresh[24], missing[24];

	snprintf(fresh, sizeof(fresh), "%zu", tally->fresh);
	snprintf(missing, sizeof(missing), "%zu", tally->missing);
	log_event(tally->missing ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "events polled", "new", fresh,
	    "missing", missing, NULL);
}

/* More often after something was missing or a lot happened. */
static void interval_adapt(const struct billing *billing, const struct tally *tally)
{
	int64_t seconds = INTERVAL_MIN;

	if (billing_poll_interval(billing, &seconds) != RESULT_OK)
		return;
	seconds = tally->fresh ? seconds / 2 : seconds * 2;
	if (tally->missing || seconds < INTERVAL_MIN)
		seconds = INTERVAL_MIN;
	if (seconds > INTERVAL_MAX)
		seconds = INTERVAL_MAX;
	store_duty_number_write(billing->store, billing->site, INTERVAL, seconds);
}

enum result billing_poll_interval(const struct billing *billing, int64_t *seconds)
{
	int64_t stored;
	enum result result = store_duty_number(billing->store, billing->site, INTERVAL, &stored);

	if (result == RESULT_OK)
		*seconds = stored >= INTERVAL_MIN && stored <= INTERVAL_MAX ? stored : INTERVAL_MIN;
	return result;
}

enum result billing_poll(const struct billing *billing, const struct store_duty *duty,
    struct problem *problem)
{
	struct tally tally = { 0 };
	enum result result = RESULT_OK;
	struct span span = { 0 };
	int64_t cursor;

	if (store_duty_number(billing->store, billing->site, CURSOR, &cursor) != RESULT_OK)
		return problem_store(problem);
	span.from = (cursor ? cursor : (int64_t)time(NULL)) - OVERLAP;
	if (!cursor)
		log_event(LOG_LEVEL_WARNING, "events are followed from now on: "
		    "what Redis lost before is rebuilt by tollgate-sync --all", NULL);
	while (span.from && result == RESULT_OK)
		result = poll_span(billing, duty, cursor, &span, &tally, problem);
	if (result != RESULT_OK)
		return result;
	interval_adapt(billing, &tally);
	log_poll(&tally);
	return RESULT_OK;
}
