#include "billing_customer.h"

#include <stdlib.h>
#include <string.h>

#include "billing_attempt.h"
#include "billing_sync.h"
#include "log.h"
#include "store_apply.h"
#include "stripe_customer.h"

#define CREATE_CUSTOMER "create-customer"

enum result
billing_customer_link(const struct billing *billing, const char *customer, struct problem *problem)
{
	switch (store_customer_link(billing->store, billing->site, customer, billing->identity->user,
	    billing->now)) {
	case RESULT_OK:
		return RESULT_OK;
	case RESULT_CONFLICT:
		log_event(LOG_LEVEL_ERROR, "customer belongs to another user", "customer", customer, NULL);
		return problem_set(problem, RESULT_CONFLICT, "customer_conflict", NULL,
		    "This customer belongs to another user.");
	default:
		return problem_store(problem);
	}
}

/* Links what was found and is not linked yet. A customer whom a link gives to
 * somebody else is not hers, whatever the metadata says. */
static enum result
adopt(const struct billing *billing, const struct store_user *linked,
    char (*ids)[STRIPE_ID_SIZE], size_t n_ids, size_t *n_adopted, struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < n_ids && result == RESULT_OK; i++) {
		if (billing_customer_is_users(linked, ids[i]))
			continue;
		result = billing_customer_link(billing, ids[i], problem);
		if (result == RESULT_CONFLICT) {
			result = RESULT_OK;
			continue;
		}
		if (result == RESULT_OK)
			result = billing_sync_customer(billing, ids[i], problem);
		++*n_adopted;
	}
	return result;
}

/* Whom Redis links to her, though it may have lost the records. */
static enum result
read_linked(const struct billing *billing, const struct store_user *linked,
    struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < linked->n_customers && result == RESULT_OK; i++)
		result = billing_sync_customer(billing, linked->customers[i], problem);
	return result;
}

static enum result
ask_stripe(const struct billing *billing, const struct store_user *linked, struct problem *problem)
{
	char (*ids)[STRIPE_ID_SIZE] = NULL;
	size_t n_ids = 0, n_hers = linked->n_customers;
	enum result result = read_linked(billing, linked, problem);

	if (result == RESULT_OK)
		result = stripe_customer_search(billing->stripe, billing->site, billing->identity->user,
		    &ids, &n_ids, problem);
	if (result == RESULT_OK)
		result = adopt(billing, linked, ids, n_ids, &n_hers, problem);
	if (result == RESULT_OK && n_hers == 0 && store_user_none_write(billing->store, billing->site,
	    billing->user_hash, billing->now) != RESULT_OK)
		result = problem_store(problem);
	free(ids);
	return result;
}

static enum result
user_read(const struct billing *billing, struct store_user *user, struct problem *problem)
{
	if (store_user_read(billing->store, billing->site, billing->user_hash, user) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

enum result
billing_customer_find(const struct billing *billing, struct store_user *user,
    struct problem *problem)
{
	enum result result;

	result = user_read(billing, user, problem);
	if (result != RESULT_OK || user->known)
		return result;
	result = ask_stripe(billing, user, problem);
	store_user_free(user);
	return result == RESULT_OK ? user_read(billing, user, problem) : result;
}

/* She is new, so Redis knows all there is to know of her: no page has to wait for a reading. */
static enum result
begin_record(const struct billing *billing, const char *customer, struct problem *problem)
{
	const struct identity *identity = billing->identity;
	enum store_applied applied;

	return store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = billing->now,
		.now = billing->now,
		.customer = customer,
		.customer_created = true,
		.email = identity->email[0] != '\0' ? identity->email : NULL,
		.link_user = identity->user,
	}, &applied, problem);
}

enum result
billing_customer_create(const struct billing *billing, char customer[STRIPE_ID_SIZE],
    struct problem *problem)
{
	const struct identity *identity = billing->identity;
	struct attempt attempt;
	enum result result;

	result = billing_attempt_begin(billing, CREATE_CUSTOMER, NULL, identity->email, &attempt,
	    problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_customer_create(billing->stripe, billing->site, &(struct stripe_customer_params){
		.user = identity->user,
		.email = identity->email[0] != '\0' ? identity->email : NULL,
	}, attempt.idempotency_key, customer, problem);
	billing_attempt_settle(billing, &attempt, result);
	return result == RESULT_OK ? begin_record(billing, customer, problem) : result;
}

enum result
billing_customer_gone(const struct billing *billing, const char *customer, struct problem *problem)
{
	enum store_applied applied;
	enum result result;

	log_event(LOG_LEVEL_WARNING, "customer is gone at Stripe", "customer", customer, NULL);
	result = store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = billing->now,
		.now = billing->now,
		.customer = customer,
		.customer_deleted = true,
	}, &applied, problem);
	/* The same attempt would be answered with the customer that has gone. */
	return result == RESULT_OK ? billing_attempt_over(billing, CREATE_CUSTOMER, problem) : result;
}

bool
billing_customer_is_users(const struct store_user *user, const char *customer)
{
	size_t i;

	for (i = 0; i < user->n_customers; i++)
		if (strcmp(user->customers[i], customer) == 0)
			return true;
	return false;
}
