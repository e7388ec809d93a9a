#include "billing_customer.h"

#include <stdlib.h>
#include <string.h>

#include "billing_attempt.h"
#include "billing_sync.h"
#include "log.h"
#include "store_apply.h"

#define CREATE_CUSTOMER "create-customer"

enum result billing_customer_link(const struct billing *billing, const char *customer,
    struct problem *problem)
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
static enum result adopt(const struct billing *billing, const struct store_user *linked,
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
static enum result read_linked(const struct billing *billing, const struct store_user *linked,
    struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < linked->n_customers && result == RESULT_OK; i++)
		result = billing_sync_customer(billing, linked->customers[i], problem);
	return result;
}

static enum result ask_stripe(const struct billing *billing, const struct store_user *linked,
    struct problem *problem)
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

static enum result user_read(const struct billing *billing, struct store_user *user,
    struct problem *problem)
{
	if (store_user_read(billing->store, billing->site, billing->user_hash, user) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

enum result billing_customer_find(const struct billing *billing, struct store_user *user,
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
static enum result begin_record(const struct billing *billing, const char *customer,
    const char *email, struct problem *problem)
{
	enum store_applied applied;

	return store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = billing->now,
		.now = billing->now,
		.customer = customer,
		.customer_created = true,
		.email = email,
		.link_user = billing->identity->user,
	}, &applied, problem);
}

static bool fingerprint_make(const struct stripe_customer_params *params,
    char fingerprint[STRIPE_DIGEST_SIZE])
{
	const struct stripe_address *address = &params->address;
	const char *parts[] = {
		params->email, params->name, address->line1, address->line2, address->city,
		address->state, address->postal_code, address->country,
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		parts[i] = parts[i] != NULL ? parts[i] : "";
	return stripe_digest(fingerprint, parts[0], parts[1], parts[2], parts[3], parts[4], parts[5],
	    parts[6], parts[7], NULL);
}

enum result billing_customer_create(const struct billing *billing,
    const struct customer_wanted *wanted, char customer[STRIPE_ID_SIZE], struct problem *problem)
{
	const struct identity *identity = billing->identity;
	struct stripe_customer_params params = {
		.user = identity->user,
		.email = wanted->email != NULL || identity->email[0] == '\0' ? wanted->email :
		    identity->email,
		.name = wanted->name,
		.address = wanted->address,
	};
	char fingerprint[STRIPE_DIGEST_SIZE];
	struct attempt attempt;
	enum result result;

	if (!fingerprint_make(&params, fingerprint))
		return problem_memory(problem);
	result = billing_attempt_begin(billing, CREATE_CUSTOMER, NULL, fingerprint, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_customer_create(billing->stripe, billing->site, &params,
	    attempt.idempotency_key, customer, problem);
	billing_attempt_settle(billing, &attempt, result);
	return result == RESULT_OK ? begin_record(billing, customer, params.email, problem) : result;
}

static enum result ensure_locked(const struct billing *billing,
    const struct customer_wanted *wanted, char customer[STRIPE_ID_SIZE], struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result = billing_customer_find(billing, &user, problem);

	if (result == RESULT_OK && user.n_customers > 0)
		memcpy(customer, user.customers[0], STRIPE_ID_SIZE);
	else if (result == RESULT_OK)
		result = billing_customer_create(billing, wanted, customer, problem);
	store_user_free(&user);
	return result;
}

enum result billing_customer_ensure(const struct billing *billing,
    const struct customer_wanted *wanted, char customer[STRIPE_ID_SIZE], char email[EMAIL_SIZE],
    struct problem *problem)
{
	struct store_lock lock;
	enum result result = billing_lock(billing, &lock, problem);

	if (result != RESULT_OK)
		return result;
	result = ensure_locked(billing, wanted, customer, problem);
	store_lock_release(billing->store, billing->site, &lock);
	if (result == RESULT_OK && store_customer_email(billing->store, billing->site, customer,
	    email) != RESULT_OK)
		result = problem_store(problem);
	return result;
}

enum result billing_customer_gone(const struct billing *billing, const char *customer,
    struct problem *problem)
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

bool billing_customer_is_users(const struct store_user *user, const char *customer)
{
	size_t i;

	for (i = 0; i < user->n_customers; i++)
		if (strcmp(user->customers[i], customer) == 0)
			return true;
	return false;
}
