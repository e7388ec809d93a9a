/* Notices on their way to the site's notify_url.
 *
 * The stream of notices is cut to a length, so what is new in it is moved, in
 * order, into lists that are not: a lane for each customer, and one for what is
 * about none. A lane is due at a time, and belongs to whoever takes it until he
 * says how it ended, at most for HOLD seconds: several daemons share the lanes,
 * none delivers what another has in hand, and one that dies leaves nothing
 * behind. The head of a lane stays where it is until it was taken or given up,
 * so nothing comes before it and nothing gets lost. */
#ifndef TOLLGATE_STORE_DELIVERY_H
#define TOLLGATE_STORE_DELIVERY_H

#include <stdint.h>

#include "store.h"

#define STORE_DELIVERY_HOLD 30 /* seconds; longer than an exchange may take */

struct json_object;

/* A notice to be delivered now. All but the numbers is borrowed from the reply. */
struct store_delivery {
	struct redisReply *reply;
	int64_t lost;               /* notices that were trimmed or too old before they were seen */
	int64_t due;                /* when a lane is due; INT64_MAX: there is none */
	const char *entry;          /* NULL: none is due */
	struct json_object *notice; /* the entry: id, type, data (a text), created, since (when it
	                             * came into its lane), customer, user; NULL: not to be read */
	const char *lane;
	int64_t attempts;           /* that failed so far */
};

/* Notices older than age_max seconds are left behind. End with store_delivery_free. */
enum result store_delivery_take(struct store *store, const struct site *site, int64_t now,
    int64_t age_max, struct store_delivery *delivery);
void store_delivery_free(struct store_delivery *delivery);

/* How it ended; the last two make way for the next one of the lane. Nothing
 * changes when somebody else has come to an end with this notice meanwhile. */
enum store_delivery_end { DELIVERY_FAILED, DELIVERY_DONE, DELIVERY_GIVEN_UP };

/* `due`: when the lane is next to be looked at. */
enum result store_delivery_settle(struct store *store, const struct site *site,
    const struct store_delivery *delivery, enum store_delivery_end end, int64_t due);

#endif
