#include "billing_sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity.h"
#include "log.h"
#include "store_apply.h"
#include "store_customer.h"
#include "stripe_customer.h"
#include "stripe_entitlement.h"
#include "stripe_subscription_list.h"

#define READINGS_MAX 3
#define DATE_SLACK 2 /* seconds: what changed while it was read must not be lost */

/* What Redis had and what Stripe says of a customer at one time. */
struct reading {
	const char *id;
	int64_t generation;
	int64_t started_at;
	struct store_user held;
	struct stripe_subscription_list said;
	bool has_features;
	char (*features)[LOOKUP_KEY_SIZE];
	size_t n_features;
};

static void reading_free(struct reading *reading)
{
	store_user_free(&reading->held);
	stripe_subscription_list_free(&reading->said);
	free(reading->features);
}

static bool is_living(const struct subscription_record *record)
{
	return subscription_rank(record->snapshot.status) != RANK_FINAL;
}

/* A key of another account or mode knows none of the customers, and must not
 * take away what they paid for; Stripe itself shows a deleted one as deleted. */
static enum result judge_unknown(const struct billing *billing, struct reading *reading,
    struct problem *problem)
{
	int64_t now = (int64_t)time(NULL);

	for (size_t i = 0; i < reading->held.n_records; i++) {
		const struct subscription_record *record = &reading->held.records[i];

		if (is_living(record)
		    && subscription_period_end(&record->snapshot) + billing->site->grace > now)
			return problem_set(problem, RESULT_UPSTREAM, "customer_unknown", NULL,
			    "This Stripe account does not know a customer whose subscription runs: "
			    "is it the key of another account or mode?");
	}
	reading->said.customer.deleted = true;
	return RESULT_OK;
}

static bool is_listed(const struct stripe_subscription_list *said, const char *id)
{
	for (size_t i = 0; i < said->count; i++)
		if (strcmp(said->data[i].snapshot.id, id) == 0)
			return true;
	return false;
}

/* One that Stripe does not know any more has ended. */
static void end_record(struct subscription_record *record, int64_t now)
{
	record->snapshot.status = SUBSCRIPTION_CANCELED;
	record->snapshot.ended_at = now;
}

/* Subscriptions that are stored as living and that the list lacks. */
static enum result ask_for_unlisted(const struct billing *billing, struct reading *reading,
    struct problem *problem)
{
	enum result result = RESULT_OK;

	for (size_t i = 0; i < reading->held.n_records && result == RESULT_OK; i++) {
		struct subscription_record *record = &reading->held.records[i];

		if (!is_living(record) || is_listed(&reading->said, record->snapshot.id))
			continue;
		result = reading->said.customer.deleted ? RESULT_NOT_FOUND :
		    stripe_subscription_list_add(billing->stripe, billing->site, record->snapshot.id,
		    &reading->said, problem);
		if (result == RESULT_NOT_FOUND) {
			end_record(record, (int64_t)time(NULL));
			result = RESULT_OK;
		}
	}
	return result;
}

/* A key without this permission leaves her what she is known to have. */
static enum result ask_for_features(const struct billing *billing, struct reading *reading,
    struct problem *problem)
{
	enum result result = RESULT_OK;

	if (!reading->said.customer.deleted)
		result = stripe_entitlement_list(billing->stripe, billing->site, reading->id,
		    &reading->features, &reading->n_features, problem);
	reading->has_features = result == RESULT_OK;
	if (result == RESULT_UPSTREAM && strcmp(problem->code, "stripe_refused") == 0)
		return RESULT_OK;
	return result;
}

static enum result ask_stripe(const struct billing *billing, struct reading *reading,
    struct problem *problem)
{
	enum result result = stripe_subscription_list(billing->stripe, billing->site, reading->id,
	    &reading->said, problem);

	if (result == RESULT_NOT_FOUND)
		result = judge_unknown(billing, reading, problem);
	if (result == RESULT_OK)
		result = ask_for_unlisted(billing, reading, problem);
	return result == RESULT_OK ? ask_for_features(billing, reading, problem) : result;
}

/* What Stripe said, and behind it what it no longer knows. */
static size_t fill_snapshots(const struct reading *reading, struct store_snapshot *snapshots)
{
	size_t count = 0;

	for (size_t i = 0; i < reading->said.count; i++) {
		const struct stripe_listed_subscription *listed = &reading->said.data[i];

		snapshots[count++] = (struct store_snapshot){
			.subscription = &listed->snapshot,
			.first_payment = listed->first_payment,
			.past_due_since = listed->past_due_since,
			.reason = listed->reason[0] ? listed->reason : NULL,
			.has_payment_method = listed->has_payment_method,
		};
	}
	for (size_t i = 0; i < reading->held.n_records; i++) {
		const struct subscription *held = &reading->held.records[i].snapshot;

		if (!is_listed(&reading->said, held->id) && held->ended_at >= reading->started_at)
			snapshots[count++] = (struct store_snapshot){ .subscription = held };
	}
	return count;
}

static enum result write(const struct billing *billing, const struct reading *reading,
    enum store_applied *applied, struct problem *problem)
{
	const struct stripe_customer *customer = &reading->said.customer;
	size_t room = reading->said.count + reading->held.n_records + 1;
	struct store_snapshot *snapshots = calloc(room, sizeof(*snapshots));
	const char **features = calloc(reading->n_features + 1, sizeof(*features));
	int64_t now = (int64_t)time(NULL);
	struct store_change change = {
		.as_of = (reading->said.date ? reading->said.date : now) - DATE_SLACK,
		.now = now,
		.customer = reading->id,
		.reading = true,
		.generation = reading->generation,
		.started_at = reading->started_at,
		.read_until = (reading->said.date ? reading->said.date : now) + now - reading->started_at,
		.snapshots = snapshots,
		.features = features,
		.n_features = reading->n_features,
		.has_features = reading->has_features,
		.email = customer->deleted ? NULL : customer->email,
		.customer_deleted = customer->deleted,
		.link_user = identity_user_valid(customer->user) ? customer->user : NULL,
	};
	enum result result;

	if (snapshots && features) {
		change.n_snapshots = fill_snapshots(reading, snapshots);
		for (size_t i = 0; i < reading->n_features; i++)
			features[i] = reading->features[i];
		result = store_apply(billing->store, billing->site, &change, applied, problem);
	} else {
		result = problem_memory(problem);
	}
	free(snapshots);
	free(features);
	return result;
}

/* Whom a signed reference linked, Stripe would know no more after a flush: it is
 * told. Without the permission it stays so, and the reading is none the worse. */
static void claim(const struct billing *billing, const struct reading *reading)
{
	const struct stripe_customer *customer = &reading->said.customer;
	char user[IDENTITY_USER_MAX + 1] = "";
	struct problem ignored;

	if (customer->unowned && !customer->deleted
	    && store_customer_user(billing->store, billing->site, reading->id, user) == RESULT_OK
	    && user[0])
		stripe_customer_own(billing->stripe, billing->site, reading->id, user, &ignored);
}

static enum result read_once(const struct billing *billing, const char *customer,
    enum store_applied *applied, struct sync_reading *done, struct problem *problem)
{
	/* Marks have whole seconds: one of this second may be newer than the reading. */
	struct reading reading = { .id = customer, .started_at = (int64_t)time(NULL) - 1 };
	enum result result;

	if (store_customer_read(billing->store, billing->site, customer, &reading.generation,
	    &reading.held) != RESULT_OK)
		return problem_store(problem);
	result = ask_stripe(billing, &reading, problem);
	if (result == RESULT_OK)
		result = write(billing, &reading, applied, problem);
	if (result == RESULT_OK)
		claim(billing, &reading);
	if (result == RESULT_OK)
		*done = (struct sync_reading){
			.subscriptions = reading.said.count, .changed = *applied != APPLIED_SAME,
		};
	reading_free(&reading);
	return result;
}

static void log_read(const char *customer, const struct sync_reading *done)
{
	char count[24];

	snprintf(count, sizeof(count), "%zu", done->subscriptions);
	log_event(LOG_LEVEL_INFO, "customer read", "customer", customer, "subscriptions", count,
	    "changed", done->changed ? "yes" : "no", NULL);
}

enum result billing_sync_read(const struct billing *billing, const char *customer,
    struct sync_reading *done, struct problem *problem)
{
	enum store_applied applied = APPLIED_MOVED;
	enum result result = RESULT_OK;

	for (int i = 0; i < READINGS_MAX && result == RESULT_OK && applied == APPLIED_MOVED; i++)
		result = read_once(billing, customer, &applied, done, problem);
	if (result == RESULT_OK && applied != APPLIED_MOVED)
		log_read(customer, done);
	else
		store_dirty(billing->store, billing->site, customer, (int64_t)time(NULL));
	if (result == RESULT_OK && applied == APPLIED_MOVED)
		log_event(LOG_LEVEL_INFO, "events keep coming: customer left dirty", "customer", customer, NULL);
	return result;
}

enum result billing_sync_customer(const struct billing *billing, const char *customer,
    struct problem *problem)
{
	struct sync_reading done;

	return billing_sync_read(billing, customer, &done, problem);
}
