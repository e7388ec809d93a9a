/* How much a user has made lately, counted over all hosts. */
#ifndef TOLLGATE_STORE_LIMIT_H
#define TOLLGATE_STORE_LIMIT_H

#include "store.h"

/* Counts one more of the user's. *wait_ms is 0 while they are within the limit, else
 * after how long the count begins anew: the window opens with the first one, and
 * what is refused does not make it longer. */
enum result store_limit_take(struct store *store, const struct site *site, const char *user_hash,
    const struct limit *limit, int64_t *wait_ms);

#endif
