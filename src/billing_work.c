#include "billing_work.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "billing_customer.h"
#include "billing_invoice.h"
#include "billing_plan.h"
#include "billing_poll.h"
#include "billing_product.h"
#include "billing_sync.h"
#include "jitter.h"
#include "log.h"
#include "monotonic.h"
#include "store_duty.h"
#include "store_rate.h"
#include "store_work.h"

#define DAY 86400
#define RENEW_WITHIN (10 * DAY)
#define LEASE_SLACK_MS 2000
#define DUTY_MS 300000
#define LOOK_AGAIN 60          /* seconds: after a flush the duties are due at once */
#define DELAY_FIRST_MS 1000
#define DELAY_MAX_MS 300000
#define WISH_DELAY_MAX_MS 4000 /* somebody asks for it again and again */
#define NAP_MS 100
#define PAUSED "stripe_paused"

static const struct identity nobody;

struct billing billing_work_billing(const struct workshop *workshop, const struct site *site)
{
	return (struct billing){
		.store = workshop->store,
		.stripe = workshop->stripe,
		.site = site,
		.identity = &nobody,
		.user_hash = "",
		.now = (int64_t)time(NULL),
	};
}

static enum result paused(int64_t wait_ms, struct problem *problem)
{
	problem_set(problem, RESULT_RATE_LIMITED, PAUSED, NULL, "Stripe is asked less often for a while.");
	problem->retry_after = (int)((wait_ms + 999) / 1000);
	return problem->result;
}

/* A stripe_pace. */
static enum result keep_pace(void *context, const struct site *site, struct problem *problem)
{
	struct workshop *workshop = context;

	if (!workshop->leased)
		workshop->waited_ms = 0;
	for (;;) {
		int64_t wait_ms = 0, nap_ms;
		bool must_pause = false;

		if (store_rate_take(workshop->store, site, site->stripe_rate, &wait_ms, &must_pause) != RESULT_OK)
			return problem_store(problem);
		if (!wait_ms)
			return RESULT_OK;
		if (workshop->waited_ms + wait_ms > workshop->patience_ms || *workshop->stop)
			return paused(wait_ms, problem);
		nap_ms = wait_ms < NAP_MS ? wait_ms : NAP_MS;
		monotonic_sleep_ms(nap_ms);
		workshop->waited_ms += nap_ms;
	}
}

void billing_work_pace(struct workshop *workshop)
{
	stripe_pace_by(workshop->stripe, keep_pace, workshop);
}

void billing_work_slow_down(const struct workshop *workshop, const struct site *site,
    struct problem *problem)
{
	int64_t pause_ms = 0;
	char seconds[24];

	if (problem->result != RESULT_RATE_LIMITED || strcmp(problem->code, PAUSED) == 0
	    || store_rate_pause(workshop->store, site, problem->retry_after, &pause_ms) != RESULT_OK)
		return;
	problem->retry_after = (int)((pause_ms + 999) / 1000);
	snprintf(seconds, sizeof(seconds), "%d", problem->retry_after);
	log_event(LOG_LEVEL_WARNING, "Stripe limits us: all daemons pause", "seconds", seconds, NULL);
}

typedef enum result work_do(const struct billing *billing, const struct store_work *work,
    struct problem *problem);

static enum result do_customer(const struct billing *billing, const struct store_work *work,
    struct problem *problem)
{
	return billing_sync_customer(billing, work->id, problem);
}

static enum result do_invoice(const struct billing *billing, const struct store_work *work,
    struct problem *problem)
{
	return billing_invoice_finalize(billing, work->id, work->tries, problem);
}

static enum result do_wish(const struct billing *billing, const struct store_work *work,
    struct problem *problem)
{
	struct identity identity = { 0 };
	struct billing hers = *billing;
	struct store_user user = { 0 };
	char hash[65];
	enum result result;

	if (!identity_user_valid(work->id))
		return RESULT_OK;
	strcpy(identity.user, work->id);
	if (!identity_user_hash(identity.user, hash))
		return problem_memory(problem);
	hers.identity = &identity;
	hers.user_hash = hash;
	result = billing_customer_find(&hers, &user, problem);
	store_user_free(&user);
	return result;
}

static work_do *const doers[] = {
	[WORK_WISH] = do_wish,
	[WORK_INVOICE] = do_invoice,
	[WORK_CUSTOMER] = do_customer,
};

/* A piece may take as long as its calls of Stripe and all its waiting for the rate. */
enum result billing_work_claim(const struct workshop *workshop, const struct site *site,
    struct store_work *work)
{
	return store_work_claim(workshop->store, site,
	    stripe_timeout_ms(workshop->stripe) + workshop->patience_ms + LEASE_SLACK_MS, work);
}

/* Doubled each time, half of it by chance. */
static int64_t delay_ms(const struct store_work *work, const struct problem *problem)
{
	int64_t most = work->kind == WORK_WISH ? WISH_DELAY_MAX_MS : DELAY_MAX_MS;
	int64_t delay = work->tries < 16 ? (int64_t)DELAY_FIRST_MS << work->tries : most;

	if (delay > most)
		delay = most;
	delay = delay / 2 + jitter(delay / 2);
	if (delay < (int64_t)problem->retry_after * 1000)
		delay = (int64_t)problem->retry_after * 1000;
	return delay;
}

/* Told once, since the next tries fail for the same cause. */
static void leave_for_later(const struct workshop *workshop, const struct site *site,
    const struct store_work *work, const struct problem *problem)
{
	int64_t delay = delay_ms(work, problem);
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%.1f", (double)delay / 1000);
	log_event(work->tries ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "work left for later",
	    work_kind_str(work->kind), work->id, "code", problem->code, "seconds", seconds, NULL);
	store_work_defer(workshop->store, site, work, delay);
}

enum result billing_work_do(struct workshop *workshop, const struct site *site,
    const struct store_work *work, struct problem *problem)
{
	struct billing billing = billing_work_billing(workshop, site);
	enum result result;

	stripe_begin(workshop->stripe);
	workshop->leased = true;
	workshop->waited_ms = 0;
	result = doers[work->kind](&billing, work, problem);
	workshop->leased = false;
	if (result == RESULT_OK) {
		store_work_done(workshop->store, site, work);
		return RESULT_OK;
	}
	billing_work_slow_down(workshop, site, problem);
	leave_for_later(workshop, site, work, problem);
	return result;
}

static enum result refresh_catalogue(const struct billing *billing, const struct store_duty *duty,
    struct problem *problem)
{
	enum result result;

	(void)duty;
	stripe_begin(billing->stripe);
	result = billing_plan_refresh(billing, problem);
	return result == RESULT_OK ? billing_product_refresh(billing, problem) : result;
}

static enum result renew_records(const struct billing *billing, const struct store_duty *duty,
    struct problem *problem)
{
	int64_t marked = 0, more = 0;
	char count[24];

	do {
		if (store_renewal_mark(billing->store, billing->site, billing->now + RENEW_WITHIN,
		    billing->now, marked, &more) != RESULT_OK
		    || store_duty_renew(billing->store, billing->site, duty, DUTY_MS) != RESULT_OK)
			return problem_store(problem);
		marked += more;
	} while (more > 0);
	snprintf(count, sizeof(count), "%lld", (long long)marked);
	log_event(LOG_LEVEL_INFO, "records are renewed before they expire", "customers", count, NULL);
	return RESULT_OK;
}

static const struct duty {
	const char *name;
	int64_t interval; /* seconds; 0: by billing_poll_interval */
	enum result (*run)(const struct billing *billing, const struct store_duty *duty,
	    struct problem *problem);
} duties[] = {
	{ "catalogue", 3600, refresh_catalogue },
	{ POLL_DUTY, 0, billing_poll },
	{ "renewal", DAY, renew_records },
};

static enum result duty_interval(const struct billing *billing, const struct duty *duty,
    int64_t *seconds)
{
	*seconds = duty->interval;
	return duty->interval ? RESULT_OK : billing_poll_interval(billing, seconds);
}

/* RESULT_OK also when it is not due. */
static enum result do_duty(const struct workshop *workshop, const struct site *site,
    const struct duty *duty, bool anyway, int64_t *due_in, struct problem *problem)
{
	struct billing billing = billing_work_billing(workshop, site);
	struct store_duty begun;
	int64_t interval;
	enum result result = duty_interval(&billing, duty, &interval);

	if (result == RESULT_OK)
		result = store_duty_begin(workshop->store, site, duty->name, anyway ? 0 : interval, DUTY_MS,
		    &begun, due_in);
	if (result == RESULT_NOT_FOUND) {
		if (anyway)
			log_event(LOG_LEVEL_INFO, "another daemon is at it", "duty", duty->name, NULL);
		return RESULT_OK;
	}
	if (result != RESULT_OK)
		return problem_store(problem);
	*due_in = interval;
	result = duty->run(&billing, &begun, problem);
	store_duty_end(workshop->store, site, &begun, result == RESULT_OK);
	return result;
}

enum result billing_work_duties(const struct workshop *workshop, const struct site *site,
    bool anyway, int64_t *due_in, struct problem *problem)
{
	enum result result = RESULT_OK;

	*due_in = LOOK_AGAIN;
	for (size_t i = 0; i < sizeof(duties) / sizeof(duties[0]); i++) {
		bool now = anyway && duties[i].run == billing_poll;
		struct problem why = { .result = RESULT_OK };
		int64_t seconds = LOOK_AGAIN;

		if (do_duty(workshop, site, &duties[i], now, &seconds, &why) != RESULT_OK) {
			billing_work_slow_down(workshop, site, &why);
			log_event(LOG_LEVEL_WARNING, "duty left for later", "duty", duties[i].name,
			    "code", why.code, NULL);
			*problem = why;
			result = why.result;
		}
		if (seconds < *due_in)
			*due_in = seconds;
	}
	return result;
}
