/* May this user pass? DESIGN 5, as pure functions over what Redis said. */
#ifndef TOLLGATE_BILLING_ACCESS_H
#define TOLLGATE_BILLING_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "identity.h"
#include "problem.h"
#include "settings.h"
#include "store.h"
#include "store_catalogue.h"
#include "store_customer.h"

/* Why not; Tollgate-Reason has the word. */
enum access_reason {
	REASON_NONE = 0,        /* passes */
	REASON_UNIDENTIFIED,
	REASON_MISCONFIGURED,   /* no or a bad TOLLGATE_REQUIRE */
	REASON_UNAVAILABLE,     /* Redis or sync did not answer: nobody is to buy again */
	REASON_NO_SUBSCRIPTION,
	REASON_OTHER_PLAN,      /* pays, but for something else */
	REASON_INCOMPLETE,
	REASON_PAST_DUE,
	REASON_UNPAID,
	REASON_PAUSED,
	REASON_CANCELED,
	REASON_PROCESSING,      /* first payment under way and the site waits for it */
	REASON_PAYMENT_FAILED,  /* first payment failed though Stripe says active */
	REASON_STALE,           /* the paid period is over and nothing newer is known */
};

struct access_decision {
	bool pass;
	enum access_reason reason;
	enum subscription_status status;      /* of the subscription that decided */
	bool has_subscription;
	const struct plan *plan;              /* or NULL */
	int64_t until;                        /* unix time, 0 = none */
	char features[2048];                  /* comma-separated lookup keys that hold */
};

const char *access_reason_str(enum access_reason reason);

/* One record against the table of DESIGN 5. *until = when this answer ends by itself. */
bool access_record_passes(const struct site *site, const struct subscription_record *record,
    const struct subscription_item *item, int64_t now, int64_t *until, enum access_reason *reason);

/* The site's plan that an item is of: by price, lookup key or product. */
const struct plan *access_item_plan(const struct site *site, const struct subscription_item *item,
    const struct store_price *prices, size_t n_prices);

/* `require` as TOLLGATE_REQUIRE says it. Pure. */
void access_decide(const struct site *site, const char *require, const struct store_user *user,
    const struct store_price *prices, size_t n_prices, int64_t now, struct access_decision *decision);

/* The whole check: Redis, decision, wish and cold wait. `cold_slots` bounds who may wait. */
struct access_checker;
struct access_checker *access_checker_new(int cold_slots);
void access_checker_free(struct access_checker *checker);
void billing_access_check(struct access_checker *checker, struct store *store,
    const struct site *site, const struct identity *identity, const char *require, int64_t now,
    struct access_decision *decision);

#endif
