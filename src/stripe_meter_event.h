/* Usage, reported to a meter (docs.stripe.com/api/billing/meter-event). */
#ifndef TOLLGATE_STRIPE_METER_EVENT_H
#define TOLLGATE_STRIPE_METER_EVENT_H

#include "stripe.h"

/* For a meter with Stripe's own names in its payload: stripe_customer_id and value. */
struct stripe_meter_event {
	const char *event_name;
	const char *customer;
	const char *identifier; /* Stripe takes each once within 24 hours or more */
	int64_t value;
};

/* RESULT_OK also when Stripe had this identifier before. */
enum result stripe_meter_event_create(struct stripe *stripe, const struct site *site,
    const struct stripe_meter_event *event, struct problem *problem);

#endif
