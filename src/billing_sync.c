#include "billing_sync.h"

#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "store_apply.h"
#include "store_customer.h"
#include "stripe_customer.h"
#include "stripe_subscription.h"

#define READINGS_MAX 3
#define DATE_SLACK 2 /* seconds: what changed while it was read must not be lost */

/* What Stripe says of a customer at one time. */
struct reading {
	struct stripe_subscription_list subscriptions;
	char (*features)[LOOKUP_KEY_SIZE];
	size_t n_features;
};

static void
reading_free(struct reading *reading)
{
	stripe_subscription_list_free(&reading->subscriptions);
	free(reading->features);
	*reading = (struct reading){ 0 };
}

static enum result
reading_ask(const struct billing *billing, const char *customer, struct reading *reading,
    struct problem *problem)
{
	enum result result;

	result = stripe_subscription_list(billing->stripe, billing->site, customer,
	    &reading->subscriptions, problem);
	if (result == RESULT_OK)
		result = stripe_entitlement_list(billing->stripe, billing->site, customer,
		    &reading->features, &reading->n_features, problem);
	return result;
}

static enum result
reading_write(const struct billing *billing, const char *customer, int64_t generation,
    const struct reading *reading, enum store_applied *applied, struct problem *problem)
{
	const struct stripe_subscription_list *list = &reading->subscriptions;
	struct store_snapshot *snapshots = calloc(list->count + 1, sizeof(*snapshots));
	const char **features = calloc(reading->n_features + 1, sizeof(*features));
	int64_t now = (int64_t)time(NULL);
	enum result result;
	size_t i;

	if (snapshots == NULL || features == NULL) {
		result = problem_memory(problem);
		goto out;
	}
	for (i = 0; i < list->count; i++)
		snapshots[i] = (struct store_snapshot){
			.subscription = &list->data[i],
			.first_payment = list->first_payment[i],
		};
	for (i = 0; i < reading->n_features; i++)
		features[i] = reading->features[i];
	result = store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = (list->date != 0 ? list->date : now) - DATE_SLACK,
		.now = now,
		.customer = customer,
		.reading = true,
		.generation = generation,
		.started_at = billing->now,
		.snapshots = snapshots,
		.n_snapshots = list->count,
		.features = features,
		.n_features = reading->n_features,
		.has_features = true,
	}, applied, problem);
out:
	free(snapshots);
	free(features);
	return result;
}

static enum result
sync_once(const struct billing *billing, const char *customer, enum store_applied *applied,
    struct problem *problem)
{
	struct reading reading = { 0 };
	int64_t generation = 0;
	enum result result;

	if (store_customer_generation(billing->store, billing->site, customer, &generation) != RESULT_OK)
		return problem_store(problem);
	result = reading_ask(billing, customer, &reading, problem);
	if (result == RESULT_OK)
		result = reading_write(billing, customer, generation, &reading, applied, problem);
	reading_free(&reading);
	return result;
}

enum result
billing_sync_customer(const struct billing *billing, const char *customer, struct problem *problem)
{
	enum store_applied applied = APPLIED_MOVED;
	enum result result = RESULT_OK;
	int tries;

	for (tries = 0; tries < READINGS_MAX && result == RESULT_OK && applied == APPLIED_MOVED; tries++)
		result = sync_once(billing, customer, &applied, problem);
	if (result != RESULT_OK || applied == APPLIED_MOVED) {
		log_event(LOG_LEVEL_INFO, "customer left dirty", "customer", customer, NULL);
		store_dirty(billing->store, billing->site, customer, billing->now);
	}
	return result;
}
