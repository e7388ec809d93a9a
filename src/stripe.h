/* Stripe's API: version, authentication, idempotency, retries. */
#ifndef TOLLGATE_STRIPE_H
#define TOLLGATE_STRIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "form.h"
#include "problem.h"
#include "settings.h"

#define STRIPE_VERSION "2026-10-28.endive"
#define STRIPE_DIGEST_SIZE 65

struct stripe; /* one per thread */
struct json_object;

struct stripe *stripe_new(const struct settings *settings);
void stripe_free(struct stripe *stripe);

/* Begins the time that all calls of one request of ours share, tries included. */
void stripe_begin(struct stripe *stripe);
int64_t stripe_timeout_ms(const struct stripe *stripe);

/* Asked before each call, for who shares Stripe's rate with others; may wait,
 * which takes nothing from the time of stripe_begin. Not RESULT_OK: the call is not made. */
typedef enum result stripe_pace(void *context, const struct site *site, struct problem *problem);
void stripe_pace_by(struct stripe *stripe, stripe_pace *pace, void *context);

struct stripe_answer {
	struct json_object *object; /* the caller's: json_object_put */
	int64_t date;               /* when Stripe said so; 0 = no Date header */
};

/* One call. `path` begins with /v1/ and is made by stripe_path when it names an id; the
 * form goes into the query of a GET, else into the body; NULL = none. A POST
 * or DELETE needs an idempotency key.
 * RESULT_DECLINED: a card error, with Stripe's decline code; RESULT_NOT_FOUND:
 * no such object; RESULT_INVALID: Stripe refused a parameter; RESULT_CONFLICT:
 * idempotency; RESULT_RATE_LIMITED; RESULT_UPSTREAM; RESULT_DOUBTFUL;
 * RESULT_UNAVAILABLE; RESULT_TIMEOUT. A message that names a key or an account is replaced. */
enum result stripe_call(struct stripe *stripe, const struct site *site, const char *method,
    const char *path, const struct form *form, const char *idempotency_key,
    struct stripe_answer *answer, struct problem *problem);

/* The same of a list, by GET: its object has an array "data", so that no answer of
 * another kind is taken for an empty list. */
enum result stripe_list(struct stripe *stripe, const struct site *site, const char *path,
    const struct form *form, struct stripe_answer *answer, struct problem *problem);

/* Stripe's answer lacks what it always has; RESULT_DOUBTFUL. */
enum result stripe_unexpected(struct problem *problem);
/* Stripe refused what the caller did not name: our fault or the site's, not hers; RESULT_UPSTREAM. */
enum result stripe_refused(struct problem *problem);

/* "/v1/customers/" + id + "/tail"; `tail` may be NULL. False for an id that
 * holds anything but letters, digits, "_" and "-", or is too long. */
#define STRIPE_PATH_SIZE 1024
bool stripe_path(char path[STRIPE_PATH_SIZE], const char *collection, const char *id, const char *tail);

/* SHA-256 in hex over the parts, each with its length, so that no two lists
 * are alike: idempotency keys and fingerprints. NULL ends. False when out of memory. */
bool stripe_digest(char hex[STRIPE_DIGEST_SIZE], ...) __attribute__((sentinel));
/* The same over all that a form says. NULL is one that found no memory. */
bool stripe_form_digest(char hex[STRIPE_DIGEST_SIZE], const struct form *form);

#endif
