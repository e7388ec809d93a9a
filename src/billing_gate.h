/* The whole check of one request: Redis, the decision, and the wait for what Redis does not know. */
#ifndef TOLLGATE_BILLING_GATE_H
#define TOLLGATE_BILLING_GATE_H

#include <stdint.h>

#include "billing_access.h"
#include "identity.h"
#include "settings.h"
#include "store.h"

struct gate; /* one per process, shared by its threads */

/* NULL when out of memory. */
struct gate *gate_new(void);
void gate_free(struct gate *gate);

/* From here on, and until gate_close, who passes is kept in the process: see
 * billing_gate_cache.h. False when out of memory or threads. */
bool gate_open(struct gate *gate, const struct settings *settings);
void gate_close(struct gate *gate);

/* All borrowed. */
struct gate_question {
	struct store *store;
	const struct site *site;
	const struct identity *identity; /* user "" = nobody */
	const char *user_hash;
	const char *require;             /* TOLLGATE_REQUIRE, NULL = absent */
	int64_t now;
	int cold_slots;                  /* how many checks may wait at a time */
};

/* No command on Redis while a pass is kept, one when the user is known; else a wish and at most cold_wait. */
void gate_check(struct gate *gate, const struct gate_question *question,
    struct access_decision *decision);

/* Logs that the configuration lets nobody pass: the same words of a site once a minute.
 * `site` is compared only, NULL = no known one. */
void gate_complain(struct gate *gate, const struct site *site, const char *why);

#endif
