/* Chance, so that what began together does not go on together. */
#ifndef TOLLGATE_JITTER_H
#define TOLLGATE_JITTER_H

#include <stdint.h>

/* From 0 to `most`; 0 when the system has no chance to give. */
int64_t jitter(int64_t most);

#endif
