/* How often Stripe is asked for a site, counted over all hosts. */
#ifndef TOLLGATE_STORE_RATE_H
#define TOLLGATE_STORE_RATE_H

#include "store.h"

/* Takes leave for one call, `per_second` of which there are for all. *wait_ms is
 * 0, or after how long to ask again; *paused tells that Stripe wants a pause. */
enum result store_rate_take(struct store *store, const struct site *site, int per_second,
    int64_t *wait_ms, bool *paused);

/* Stripe said 429: nobody asks it for retry_after seconds, or, when it did not
 * say, for twice as long as the last time. Of several told at once one counts. */
enum result store_rate_pause(struct store *store, const struct site *site, int retry_after,
    int64_t *pause_ms);

#endif
