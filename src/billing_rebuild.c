#include "billing_rebuild.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store_customer.h"

struct rebuild {
	void *found;                /* ids of customers, a search tree */
	bool subscriptions_done;
	char last[STRIPE_ID_SIZE];  /* of the page before */
};

struct rebuild *rebuild_new(void)
{
	return calloc(1, sizeof(struct rebuild));
}

void rebuild_free(struct rebuild *rebuild)
{
	if (!rebuild)
		return;
	tdestroy(rebuild->found, free);
	free(rebuild);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* *added: she was not there before. False when out of memory. */
static bool add(struct rebuild *rebuild, const char *id, bool *added)
{
	char *copy = strdup(id);
	char **node = copy ? tsearch(copy, &rebuild->found, compare) : NULL;

	*added = node && *node == copy;
	if (!*added)
		free(copy);
	return node;
}

static enum result next_subscribers(struct rebuild *rebuild, const struct billing *billing,
    char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count, struct problem *problem)
{
	size_t listed = 0, kept = 0;
	enum result result = stripe_subscription_customers(billing->stripe, billing->site,
	    rebuild->last, customers, &listed, problem);

	if (result != RESULT_OK)
		return result;
	for (size_t i = 0; i < listed; i++) {
		bool added;

		if (!add(rebuild, customers[i], &added))
			return problem_memory(problem);
		if (added && kept++ != i)
			memcpy(customers[kept - 1], customers[i], STRIPE_ID_SIZE);
	}
	*count = kept;
	rebuild->subscriptions_done = !rebuild->last[0];
	return RESULT_OK;
}

static enum result link_page(struct rebuild *rebuild, const struct billing *billing,
    struct problem *problem)
{
	struct stripe_customer *customers = NULL;
	size_t n_customers = 0;
	enum result result = stripe_customer_page(billing->stripe, billing->site, rebuild->last,
	    &customers, &n_customers, problem);

	for (size_t i = 0; i < n_customers && result == RESULT_OK; i++) {
		const struct stripe_customer *customer = &customers[i];

		if (customer->deleted || !identity_user_valid(customer->user)
		    || tfind(customer->id, &rebuild->found, compare))
			continue;
		result = store_customer_link(billing->store, billing->site, customer->id,
		    customer->user, billing->now);
		if (result == RESULT_CONFLICT)
			result = RESULT_OK;
		if (result != RESULT_OK)
			problem_store(problem);
	}
	free(customers);
	return result;
}

enum result rebuild_next(struct rebuild *rebuild, const struct billing *billing,
    char customers[STRIPE_PAGE][STRIPE_ID_SIZE], size_t *count, bool *end,
    struct problem *problem)
{
	enum result result;

	*count = 0;
	*end = false;
	if (!rebuild->subscriptions_done)
		return next_subscribers(rebuild, billing, customers, count, problem);
	result = link_page(rebuild, billing, problem);
	if (result == RESULT_OK)
		*end = !rebuild->last[0];
	return result;
}
