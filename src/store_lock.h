/* What keeps two clicks from making two things: a lock per user, and the attempt id
 * that goes into idempotency keys. */
#ifndef TOLLGATE_STORE_LOCK_H
#define TOLLGATE_STORE_LOCK_H

#include <stdint.h>

#include "store.h"

struct store_lock {
	char key[STORE_KEY_SIZE];
	char token[33];
};

/* Waits up to wait_ms for the user's lock; it falls by itself after ttl_ms.
 * RESULT_CONFLICT when another request holds it too long. */
enum result store_lock_take(struct store *store, const struct site *site, const char *user_hash,
    int64_t wait_ms, int64_t ttl_ms, struct store_lock *lock);
/* Releases only what is still ours. */
void store_lock_release(struct store *store, const struct site *site, const struct store_lock *lock);

/* The attempt of this user, operation and fingerprint (of the parameters);
 * another fingerprint begins another attempt. 24 h. */
enum result store_attempt(struct store *store, const struct site *site, const char *user_hash,
    const char *operation, const char *fingerprint, char attempt[33]);
/* The attempt has ended: the next one is a new one. */
enum result store_attempt_end(struct store *store, const struct site *site, const char *user_hash,
    const char *operation);

#endif
