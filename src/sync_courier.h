/* Who brings the notices of the sites, in a thread of his own: a receiver that is
 * slow must not hold up the reading of customers. */
#ifndef TOLLGATE_SYNC_COURIER_H
#define TOLLGATE_SYNC_COURIER_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

struct sync_courier;

/* `sites` stay the caller's. NULL when there is no memory or no thread left. */
struct sync_courier *sync_courier_start(const struct settings *settings,
    const struct site *const *sites, size_t n_sites);
/* Waits until what is under way has ended, 15 s at most, and frees him; NULL is fine. */
void sync_courier_stop(struct sync_courier *courier);

/* Brings what is due for this site, once; false when it could not be done. */
bool sync_courier_once(const struct settings *settings, const struct site *site);

#endif
