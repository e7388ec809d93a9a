#include "billing_payment_method.h"

#include <json-c/json.h>
#include <string.h>

#include "billing_customer.h"
#include "store_payment_method.h"
#include "stripe_payment_method.h"

/* What Stripe is asked about. */
struct question {
	enum result (*ask)(struct stripe *stripe, const struct site *site, const char *about,
	    struct stripe_payment_method *method, struct problem *problem);
	char about[STRIPE_ID_SIZE];
	char customer[STRIPE_ID_SIZE]; /* "" until the answer says it */
};

static enum result method_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "payment_method_unknown", "paymentMethodId",
	    "There is no such payment method.");
}

/* The named subscription, or a live one when none is named. */
static const struct subscription *find_subscription(const struct store_user *user, const char *id)
{
	size_t i;

	for (i = 0; i < user->n_records; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		if (id != NULL ? strcmp(snapshot->id, id) == 0 : subscription_live(snapshot->status))
			return snapshot;
	}
	return NULL;
}

static enum result question_make(const struct store_user *user,
    const struct payment_method_wanted *wanted, struct question *question, struct problem *problem)
{
	const struct subscription *subscription = find_subscription(user, wanted->subscription);

	if (wanted->subscription != NULL && subscription == NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
		    "There is no such subscription.");
	if (wanted->id != NULL) {
		question->ask = stripe_payment_method_retrieve;
		memcpy(question->about, wanted->id, strlen(wanted->id) + 1);
	} else if (subscription != NULL) {
		question->ask = stripe_payment_method_of_subscription;
		memcpy(question->about, subscription->id, sizeof(question->about));
		memcpy(question->customer, subscription->customer, sizeof(question->customer));
	} else if (user->n_customers > 0) {
		question->ask = stripe_payment_method_of_customer;
		memcpy(question->about, user->customers[0], sizeof(question->about));
		memcpy(question->customer, user->customers[0], sizeof(question->customer));
	} else {
		return method_unknown(problem);
	}
	return RESULT_OK;
}

static enum result generation_of(const struct billing *billing, const char *customer,
    int64_t *generation, struct problem *problem)
{
	*generation = 0;
	if (customer[0] != '\0' && store_customer_generation(billing->store, billing->site, customer,
	    generation) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

/* Every event about her moves her generation, so one that says what it said when
 * Stripe was asked has seen no new card. */
static enum result find_kept(const struct billing *billing, const struct store_user *user,
    const struct question *question, struct json_object **shown, struct problem *problem)
{
	struct store_payment_method kept = { .shown = NULL };
	enum result result;
	int64_t generation;

	result = store_payment_method_read(billing->store, billing->site, question->about, &kept);
	if (result == RESULT_NOT_FOUND)
		return RESULT_OK;
	if (result != RESULT_OK)
		return problem_store(problem);
	result = generation_of(billing, kept.customer, &generation, problem);
	if (result == RESULT_OK && generation == kept.generation &&
	    billing_customer_is_users(user, kept.customer))
		*shown = json_object_get(kept.shown);
	json_object_put(kept.shown);
	return result;
}

static enum result keep(const struct billing *billing, const struct question *question,
    int64_t generation, const struct stripe_payment_method *method, struct problem *problem)
{
	struct store_payment_method kept = { .generation = generation, .shown = method->shown };

	memcpy(kept.customer, method->customer, sizeof(kept.customer));
	if (store_payment_method_write(billing->store, billing->site, question->about, &kept) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

static enum result ask_stripe(const struct billing *billing, const struct store_user *user,
    const struct question *question, struct json_object **shown, struct problem *problem)
{
	struct stripe_payment_method method = { .shown = NULL };
	int64_t generation;
	enum result result;

	/* Before the answer: what changes while it is on its way makes it old. */
	result = generation_of(billing, question->customer, &generation, problem);
	if (result == RESULT_OK)
		result = question->ask(billing->stripe, billing->site, question->about, &method, problem);
	if (result == RESULT_OK && !billing_customer_is_users(user, method.customer))
		result = method_unknown(problem);
	if (result == RESULT_OK && question->customer[0] == '\0')
		result = generation_of(billing, method.customer, &generation, problem);
	if (result == RESULT_OK)
		result = keep(billing, question, generation, &method, problem);
	if (result == RESULT_OK)
		*shown = json_object_get(method.shown);
	json_object_put(method.shown);
	return result;
}

enum result billing_payment_method_find(const struct billing *billing,
    const struct payment_method_wanted *wanted, struct json_object **shown,
    struct problem *problem)
{
	struct question question = { .ask = NULL };
	struct json_object *found = NULL;
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = question_make(&user, wanted, &question, problem);
	if (result == RESULT_OK)
		result = find_kept(billing, &user, &question, &found, problem);
	if (result == RESULT_OK && found == NULL)
		result = ask_stripe(billing, &user, &question, &found, problem);
	if (result == RESULT_OK)
		*shown = found;
	store_user_free(&user);
	return result;
}
