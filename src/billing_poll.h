/* Events that no webhook brought: what GET /v1/events has and Redis has not seen
 * goes through the same door. */
#ifndef TOLLGATE_BILLING_POLL_H
#define TOLLGATE_BILLING_POLL_H

#include "billing.h"
#include "store_duty.h"

#define POLL_DUTY "events"

/* Only while `duty` is held. The cursor moves behind what was taken, and only then. */
enum result billing_poll(const struct billing *billing, const struct store_duty *duty,
    struct problem *problem);

/* Seconds until the next one, by how much happened lately: 1 to 15 minutes. */
enum result billing_poll_interval(const struct billing *billing, int64_t *seconds);

#endif
