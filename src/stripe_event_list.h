/* What happened at Stripe within a time, from GET /v1/events; Stripe keeps 30 days. */
#ifndef TOLLGATE_STRIPE_EVENT_LIST_H
#define TOLLGATE_STRIPE_EVENT_LIST_H

#include "stripe.h"
#include "stripe_event.h"

struct stripe_event_list {
	struct stripe_event *data; /* newest first, as Stripe lists them */
	size_t count;
	bool more;                 /* there are older ones in the time asked for */
	int64_t date;              /* of the first answer; 0 = none said */
};

/* Events with from <= created < to, of any type; to = 0: until now. Stops
 * behind the page that brings their number to `max`. */
enum result stripe_event_list(struct stripe *stripe, const struct site *site, int64_t from,
    int64_t to, size_t max, struct stripe_event_list *list, struct problem *problem);
void stripe_event_list_free(struct stripe_event_list *list);

#endif
