/* Who brings the notices of the sites, in a thread of his own: a receiver that is
 * slow must not hold up the reading of customers. */
#ifndef TOLLGATE_SYNC_COURIER_H
#define TOLLGATE_SYNC_COURIER_H

#include "sync.h"

struct sync_courier;

/* Goes his rounds until sync->stop. NULL when there is no memory or no thread left. */
struct sync_courier *sync_courier_start(struct sync *sync);
/* Waits until what is under way has ended, 15 s at most, and frees him. */
void sync_courier_stop(struct sync_courier *courier);

/* Brings what is due for this site, once; false when it could not be done. */
bool sync_courier_once(struct sync *sync, const struct site *site);

#endif
