#include "billing_subscription.h"

#include <stdlib.h>
#include <string.h>

#include "billing_customer.h"
#include "billing_sync.h"
#include "store_apply.h"

#define DATE_SLACK 2 /* seconds: the answer may have been made a little before its Date */

static enum result subscription_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
	    "There is no such subscription.");
}

static const struct subscription_record *find_named(const struct store_user *user, const char *id)
{
	size_t i;

	for (i = 0; i < user->n_records; i++)
		if (strcmp(user->records[i].snapshot.id, id) == 0)
			return &user->records[i];
	return NULL;
}

static const struct subscription_record *find_only_live(const struct store_user *user)
{
	const struct subscription_record *found = NULL;
	size_t i;

	for (i = 0; i < user->n_records; i++) {
		if (!subscription_live(user->records[i].snapshot.status))
			continue;
		if (found != NULL)
			return NULL;
		found = &user->records[i];
	}
	return found;
}

enum result billing_subscription_find(const struct billing *billing, const char *id,
    struct subscription_record *record, struct problem *problem)
{
	const struct subscription_record *found;
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(billing, &user, problem);
	if (result != RESULT_OK)
		return result;
	found = id != NULL ? find_named(&user, id) : find_only_live(&user);
	if (found != NULL)
		*record = *found;
	else if (id != NULL)
		result = subscription_unknown(problem);
	else
		result = problem_set(problem, RESULT_INVALID, "parameter_missing", "subscriptionId",
		    "Name the subscription.");
	store_user_free(&user);
	return result;
}

/* Whether Redis shows the subscription as Stripe answered it. */
static enum result is_shown(const struct billing *billing, const struct subscription *said,
    bool *shown, struct problem *problem)
{
	const struct subscription_record *record;
	struct store_user user = { 0 };
	char *stored = NULL, *wanted = subscription_encode(said);

	if (store_user_read(billing->store, billing->site, billing->user_hash, &user) != RESULT_OK) {
		free(wanted);
		return problem_store(problem);
	}
	record = find_named(&user, said->id);
	if (record != NULL)
		stored = subscription_encode(&record->snapshot);
	*shown = stored != NULL && wanted != NULL && strcmp(stored, wanted) == 0;
	free(stored);
	free(wanted);
	store_user_free(&user);
	return RESULT_OK;
}

static enum result apply(const struct billing *billing,
    const struct stripe_subscription *subscription, enum store_applied *applied,
    struct problem *problem)
{
	const struct store_snapshot snapshot = { .subscription = &subscription->snapshot };

	return store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = (subscription->date != 0 ? subscription->date : billing->now) - DATE_SLACK,
		.now = billing->now,
		.customer = subscription->snapshot.customer,
		.link_user = billing->identity->user,
		.snapshots = &snapshot,
		.n_snapshots = 1,
	}, applied, problem);
}

enum result billing_subscription_remember(const struct billing *billing,
    const struct stripe_subscription *subscription, struct problem *problem)
{
	enum store_applied applied;
	bool shown = true;
	enum result result;

	result = apply(billing, subscription, &applied, problem);
	if (result == RESULT_OK && applied == APPLIED_STALE)
		result = is_shown(billing, &subscription->snapshot, &shown, problem);
	/* Events of these seconds may be of before or after: only a reading can tell. */
	if (result == RESULT_OK && !shown)
		result = billing_sync_customer(billing, subscription->snapshot.customer, problem);
	return result;
}
