/* What is written in Redis, told by Redis itself (CLIENT TRACKING, broadcast), so that
 * what was read of users and their customers may be kept until it changes. */
#ifndef TOLLGATE_STORE_TRACKING_H
#define TOLLGATE_STORE_TRACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

struct store_tracking; /* one per process, shared by its threads */

/* Starts a thread for each Redis, 64 at most, which connects, and connects again. The
 * caller has blocked the signals that are not the thread's business; `settings`
 * outlive it. NULL when out of memory or threads. */
struct store_tracking *store_tracking_new(const struct settings *settings);
void store_tracking_free(struct store_tracking *tracking);

/* A point in the order of changes: to be taken before a reading that is to be
 * kept. 0: changes are not seen at present, nothing may be kept. */
uint64_t store_tracking_point(const struct store_tracking *tracking, const struct site *site);

/* Where a key's last change is remembered. Keys may share a place: then one's
 * change counts as the other's. */
typedef uint32_t store_place;
store_place store_tracking_place(const char *key);

/* Whether what was read after `point` still stands: no change of these keys
 * was missed or seen. A write is seen here within a millisecond; a connection
 * that says nothing any more, within a second. */
bool store_tracking_unchanged(const struct store_tracking *tracking, const struct site *site,
    uint64_t point, const store_place *places, size_t n_places);

#endif
