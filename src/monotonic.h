/* Time that only goes forward: for deadlines and pauses, never for dates. */
#ifndef TOLLGATE_MONOTONIC_H
#define TOLLGATE_MONOTONIC_H

#include <stdint.h>

int64_t monotonic_us(void);
int64_t monotonic_ms(void);

/* At least so long, unless a signal comes. */
void monotonic_sleep_ms(int64_t ms);

#endif
