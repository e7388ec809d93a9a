/* The record that Stripe's side and Redis's side share: one subscription as the gate needs it. */
#ifndef TOLLGATE_SUBSCRIPTION_H
#define TOLLGATE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRIPE_ID_MAX 255        /* Stripe's own bound for ids */
#define STRIPE_ID_SIZE 256
#define LOOKUP_KEY_SIZE 201      /* Stripe: 200 characters */
#define EMAIL_SIZE 320
#define SUBSCRIPTION_ITEMS_MAX 20

enum subscription_status {
	SUBSCRIPTION_UNKNOWN = 0, /* a word Stripe may add one day: never passes */
	SUBSCRIPTION_INCOMPLETE,
	SUBSCRIPTION_INCOMPLETE_EXPIRED,
	SUBSCRIPTION_TRIALING,
	SUBSCRIPTION_ACTIVE,
	SUBSCRIPTION_PAST_DUE,
	SUBSCRIPTION_UNPAID,
	SUBSCRIPTION_PAUSED,
	SUBSCRIPTION_CANCELED,
};

/* How two snapshots of one second are ordered. */
enum subscription_rank { RANK_INCOMPLETE, RANK_LIVING, RANK_FINAL };

/* subscription.pause_collection.behavior */
enum pause_collection {
	COLLECTION_RUNS,
	COLLECTION_MARK_UNCOLLECTIBLE,
	COLLECTION_VOID,
	COLLECTION_KEEP_AS_DRAFT,
	COLLECTION_UNKNOWN,
};

struct subscription_item {
	char id[STRIPE_ID_SIZE];
	char price[STRIPE_ID_SIZE];
	char product[STRIPE_ID_SIZE];
	char lookup_key[LOOKUP_KEY_SIZE]; /* "" = none */
	int64_t quantity;
	int64_t current_period_end;       /* unix time */
};

/* What one of Stripe's snapshots says. Times are unix times, 0 = not set. */
struct subscription {
	char id[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE];
	char latest_invoice[STRIPE_ID_SIZE];
	enum subscription_status status;
	enum pause_collection pause_collection;
	bool send_invoice;                /* collection_method */
	bool cancel_at_period_end;
	bool simulated;                   /* has a test_clock: never compared, always read */
	bool setup_due;                   /* a trial of our own form, whose card is still to be confirmed */
	int64_t created, trial_end, cancel_at, ended_at;
	size_t n_items;
	struct subscription_item items[SUBSCRIPTION_ITEMS_MAX];
};

/* What became known beside the snapshot. */
enum first_payment { FIRST_PAYMENT_UNKNOWN = 0, FIRST_PAYMENT_PROCESSING, FIRST_PAYMENT_FAILED, FIRST_PAYMENT_PAID };

/* A stored subscription: the snapshot and its facts. */
struct subscription_record {
	struct subscription snapshot;
	int64_t as_of;           /* Stripe time that the snapshot shows */
	int64_t past_due_since;  /* 0 = not past due */
	enum first_payment first_payment;
};

const char *subscription_status_str(enum subscription_status status);
enum subscription_status subscription_status_parse(const char *word);
enum pause_collection pause_collection_parse(const char *word);
const char *first_payment_str(enum first_payment state);
enum first_payment first_payment_parse(const char *word);

enum subscription_rank subscription_rank(enum subscription_status status);
/* trialing, active, past_due, unpaid or paused: buying again would be buying twice. */
bool subscription_live(enum subscription_status status);
/* For all that the snapshot says, its first payment may be a bank debit that was
 * under way at this time, a unix time. */
bool subscription_debit_may_run(const struct subscription *subscription, int64_t time);
/* Latest current_period_end of its items, 0 without items. */
int64_t subscription_period_end(const struct subscription *subscription);

/* The snapshot as canonical JSON: equal snapshots give equal bytes, which is
 * how apply.lua compares. Returns a malloc'd string, NULL when out of memory. */
char *subscription_encode(const struct subscription *subscription);
/* False for what subscription_encode did not write. Items from n_items on are left alone. */
bool subscription_decode(const char *json, struct subscription *subscription);

#endif
