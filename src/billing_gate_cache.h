/* Who passes, kept in the process until Redis says that something of her was written. */
#ifndef TOLLGATE_BILLING_GATE_CACHE_H
#define TOLLGATE_BILLING_GATE_CACHE_H

#include "billing_access.h"
#include "store_tracking.h"

struct gate_cache; /* one per process, shared by its threads */

/* Follows each Redis by a thread: see store_tracking_new for signals and lifetime. NULL when
 * out of memory or threads. */
struct gate_cache *gate_cache_new(const struct settings *settings);
void gate_cache_free(struct gate_cache *cache);

/* What is asked; all borrowed. */
struct gate_cache_key {
	const struct site *site;
	const char *user_hash;
	const char *require;
};

/* To be taken before the reading from which a decision is made. */
uint64_t gate_cache_point(const struct gate_cache *cache, const struct site *site);

/* Keeps a decision that lets pass, made from what Redis said of `user` after
 * `point`. Only those: whoever is turned away is looked up each time. */
void gate_cache_write(struct gate_cache *cache, const struct gate_cache_key *key, uint64_t point,
    const struct store_user *user, const struct access_decision *decision);

/* False: ask Redis. `now` is unix time. */
bool gate_cache_read(struct gate_cache *cache, const struct gate_cache_key *key, int64_t now,
    struct access_decision *decision);

#endif
