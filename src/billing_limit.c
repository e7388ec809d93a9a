#include "billing_limit.h"

#include <inttypes.h>
#include <stdio.h>

#include "log.h"
#include "store_limit.h"

static enum result limited(const struct billing *billing, int64_t wait_ms, struct problem *problem)
{
	int64_t seconds = (wait_ms + 999) / 1000; /* nobody is told to come back too early */
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, seconds);
	log_event(LOG_LEVEL_WARNING, "creation limit reached", "user_hash", billing->user_hash,
	    "retry_after", text, NULL);
	problem_set(problem, RESULT_RATE_LIMITED, "rate_limited", NULL,
	    "Too many purchases were begun; try again later.");
	problem->retry_after = (int)seconds;
	return RESULT_RATE_LIMITED;
}

enum result billing_limit_take(const struct billing *billing, struct problem *problem)
{
	const struct limit *limit = &billing->site->creation_limit;
	int64_t wait_ms = 0;

	if (limit->count == 0)
		return RESULT_OK;
	if (store_limit_take(billing->store, billing->site, billing->user_hash, limit, &wait_ms) != RESULT_OK)
		return problem_store(problem);
	return wait_ms == 0 ? RESULT_OK : limited(billing, wait_ms, problem);
}
