/* What one daemon does for all of them: at most one at a time, and not before it is due. */
#ifndef TOLLGATE_STORE_DUTY_H
#define TOLLGATE_STORE_DUTY_H

#include "store.h"

struct store_duty {
	const char *name; /* borrowed */
	char token[33];
};

/* RESULT_NOT_FOUND when it was done less than `interval` seconds ago, or
 * another daemon is at it, within ttl_ms; *due_in says when to look again. */
enum result store_duty_begin(struct store *store, const struct site *site, const char *name,
    int64_t interval, int64_t ttl_ms, struct store_duty *duty, int64_t *due_in);
/* Still at it. RESULT_NOT_FOUND when another daemon has taken over meanwhile. */
enum result store_duty_renew(struct store *store, const struct site *site,
    const struct store_duty *duty, int64_t ttl_ms);
/* Not `done`: it stays due. */
void store_duty_end(struct store *store, const struct site *site, const struct store_duty *duty,
    bool done);

/* What a duty keeps from one time to the next; 0 = nothing yet. */
enum result store_duty_number(struct store *store, const struct site *site, const char *name,
    int64_t *number);
enum result store_duty_number_write(struct store *store, const struct site *site,
    const char *name, int64_t number);

/* Marks dirty the customers who have a living subscription and whose record ends
 * before `until`, a unix time: the next few hundred behind the first `from`. */
enum result store_renewal_mark(struct store *store, const struct site *site, int64_t until,
    int64_t now, int64_t from, int64_t *n_marked);

/* Which of these events Redis has seen. */
enum result store_events_seen(struct store *store, const struct site *site,
    const char *const *ids, size_t n_ids, bool *seen);

#endif
