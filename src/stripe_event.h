/* An event as Stripe sends or lists it, whatever API version rendered it. */
#ifndef TOLLGATE_STRIPE_EVENT_H
#define TOLLGATE_STRIPE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "subscription.h"

struct json_object;

struct stripe_event {
	struct json_object *json;     /* owns what the pointers below borrow */
	const char *id;
	const char *type;
	const char *account;          /* Connect, or NULL */
	int64_t created;
	bool livemode;
	bool thin;                    /* v2.core.event: carries no object */
	struct json_object *object;   /* data.object */
	struct json_object *previous; /* data.previous_attributes, or NULL */
};

/* False for bytes that are no event: not JSON, not UTF-8, no id, type or object. */
bool stripe_event_parse(const char *body, size_t length, struct stripe_event *event);
/* The same of an object that is parsed already; the event holds it too. */
bool stripe_event_take(struct json_object *json, struct stripe_event *event);
void stripe_event_free(struct stripe_event *event);

#endif
