/* Which server is the master now: never remembered, always what the Sentinels say. */
#ifndef TOLLGATE_STORE_SENTINEL_H
#define TOLLGATE_STORE_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"
#include "settings.h"
#include "store_address.h"
#include "store_link.h"

struct store_sentinels; /* the Sentinels of one master; one per thread, keeps its connections */

/* `index` is that of the Redis. NULL when there is no memory. */
struct store_sentinels *store_sentinels_new(const struct redis_settings *settings, size_t index,
    const struct store_address *address);
void store_sentinels_free(struct store_sentinels *sentinels);

/* Asks each of them, 200 ms at most for one that is silent, and takes the word
 * of whoever saw the latest failover. RESULT_UNAVAILABLE, and why. */
enum result store_sentinels_master(struct store_sentinels *sentinels,
    struct store_endpoint *master, char why[STORE_WHY_SIZE]);
/* Whether it is another one than store_sentinels_master has said; asks once a
 * second. `now` in monotonic ms. False too when no Sentinel answers: a master
 * that works is not left for that. */
bool store_sentinels_moved(struct store_sentinels *sentinels, int64_t now);

#endif
