/* May this user pass? Pure functions over what Redis said; the table stands in README.md. */
#ifndef TOLLGATE_BILLING_ACCESS_H
#define TOLLGATE_BILLING_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "billing_entitlement.h"
#include "settings.h"
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
	REASON_STALE,           /* the paid period is over, or her first payment doubtful, and
	                           nothing newer is known */
};

struct access_decision {
	bool pass;
	enum access_reason reason;
	enum subscription_status status;      /* of the subscription that decided */
	bool has_subscription;
	const struct plan *plan;              /* or NULL */
	int64_t until;                        /* unix time, 0 = none */
	int64_t holds_until;                  /* unix time when the clock alone takes something of it away */
	char features[2048];                  /* comma-separated lookup keys that hold */
};

const char *access_reason_str(enum access_reason reason);

/* One record against that table. It passes while now < *until; *reason is
 * written when it does not. */
bool access_record_passes(const struct site *site, const struct subscription_record *record,
    const struct subscription_item *item, int64_t now, int64_t *until, enum access_reason *reason);

/* The same of a record among all that she has: who defaulted before is not trusted with a
 * first payment. */
bool access_item_passes(const struct site *site, const struct store_user *user,
    const struct subscription_record *record, const struct subscription_item *item, int64_t now,
    int64_t *until, enum access_reason *reason);

/* Stripe's word "active" is all that is known of it: its first payment, which is due
 * at once, may be a bank debit. */
bool access_first_payment_unheard(const struct subscription_record *record, int64_t now);

/* The site's plan that an item is of: by price, lookup key or product; NULL = of none.
 * `prices` is what the catalogue says, and may be empty. */
const struct plan *access_item_plan(const struct site *site, const struct subscription_item *item,
    const struct store_price *prices, size_t n_prices);

/* `require` as TOLLGATE_REQUIRE says it, NULL = absent. Whether the user is
 * known is the caller's to judge. */
void access_decide(const struct site *site, const char *require, const struct store_user *user,
    const struct access_catalogue *catalogue, int64_t now, struct access_decision *decision);

#endif
