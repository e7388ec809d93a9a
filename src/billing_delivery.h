/* Bringing notices to the site's notify_url, signed and again until they are
 * taken (github.com/standard-webhooks/standard-webhooks).
 *
 * The body is {"type", "timestamp", "data": {"customer", "user", …}}, the same
 * on every try; the rest of the data is what billing_notice.h says. Any 2xx
 * takes a notice. It is tried for three days after it was first seen, with the
 * delays of the specification, and holds back later ones of its customer alone. */
#ifndef TOLLGATE_BILLING_DELIVERY_H
#define TOLLGATE_BILLING_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "http_client.h"
#include "problem.h"
#include "settings.h"
#include "store.h"

/* Delivers what is due, for 5 s and the exchange that is then under way (at most
 * 10 s), and no further once the receiver was too slow, so that other sites get
 * their turn; *more: there may be more that is due. Does nothing for a site
 * without notify_url. Fails when the store does. */
enum result billing_delivery_run(struct store *store, struct http_client *http,
    const struct site *site, int64_t now, bool *more, struct problem *problem);

/* After `attempts` that failed, when the next one is; false when there is none.
 * `retry_after` is what the receiver asked for, in seconds. */
bool billing_delivery_again(int64_t now, int64_t since, int64_t attempts, int retry_after,
    int64_t *due);

#endif
