#include "billing_plan.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store_lock.h"
#include "stripe_price.h"

#define SHOWN_PAUSE_MS 10000 /* between two times that we ask Stripe for what is to be shown */

/* The site's catalogue as Redis has it. */
struct catalogue {
	struct store_price *prices;
	size_t count;
};

static bool is_fresh(const struct store_price *price, int64_t now)
{
	return price->active && now - price->read_at < PRICE_FRESH_SECONDS;
}

static const struct store_price *fresh_by_name(const struct catalogue *catalogue, const char *name,
    int64_t now)
{
	size_t i;

	for (i = 0; i < catalogue->count; i++)
		if (is_fresh(&catalogue->prices[i], now) &&
		    (strcmp(catalogue->prices[i].id, name) == 0 ||
		     strcmp(catalogue->prices[i].lookup_key, name) == 0))
			return &catalogue->prices[i];
	return NULL;
}

static const struct store_price *fresh_by_product(const struct catalogue *catalogue,
    const char *product, int64_t now, size_t from)
{
	size_t i;

	for (i = from; i < catalogue->count; i++)
		if (is_fresh(&catalogue->prices[i], now) &&
		    strcmp(catalogue->prices[i].product, product) == 0)
			return &catalogue->prices[i];
	return NULL;
}

static bool all_fresh(const struct catalogue *catalogue, const struct words *names, int64_t now)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (fresh_by_name(catalogue, names->word[i], now) == NULL)
			return false;
	return true;
}

static bool plan_sold_by_product(const struct plan *plan)
{
	return plan->prices.count == 0 && plan->lookup_keys.count == 0;
}

static bool plan_is_fresh(const struct catalogue *catalogue, const struct plan *plan, int64_t now)
{
	if (plan->setup_lookup_key != NULL &&
	    fresh_by_name(catalogue, plan->setup_lookup_key, now) == NULL)
		return false;
	if (plan_sold_by_product(plan))
		return fresh_by_product(catalogue, plan->product, now, 0) != NULL;
	return all_fresh(catalogue, &plan->prices, now) && all_fresh(catalogue, &plan->lookup_keys, now);
}

static enum result remember(const struct billing *billing, const struct stripe_price *found,
    size_t count)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < count && result == RESULT_OK; i++) {
		struct store_price price = {
			.unit_amount = found[i].unit_amount,
			.active = found[i].active,
			.read_at = billing->now,
		};

		memcpy(price.id, found[i].id, sizeof(price.id));
		memcpy(price.product, found[i].product, sizeof(price.product));
		memcpy(price.lookup_key, found[i].lookup_key, sizeof(price.lookup_key));
		memcpy(price.currency, found[i].currency, sizeof(price.currency));
		memcpy(price.interval, found[i].interval, sizeof(price.interval));
		result = store_price_write(billing->store, billing->site, &price);
	}
	return result;
}

static enum result read_by_lookup_keys(const struct billing *billing, const char *const *keys,
    size_t count, struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t from, chunk;

	for (from = 0; from < count && result == RESULT_OK; from += chunk) {
		struct stripe_price *found = NULL;
		size_t n_found = 0;

		chunk = count - from < STRIPE_LOOKUP_KEYS_MAX ? count - from : STRIPE_LOOKUP_KEYS_MAX;
		result = stripe_price_list_by_lookup_keys(billing->stripe, billing->site, keys + from,
		    chunk, &found, &n_found, problem);
		if (result == RESULT_OK && remember(billing, found, n_found) != RESULT_OK)
			result = problem_store(problem);
		free(found);
	}
	return result;
}

static enum result read_by_ids(const struct billing *billing, const struct words *ids,
    struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < ids->count && result == RESULT_OK; i++) {
		struct stripe_price found;

		result = stripe_price_retrieve(billing->stripe, billing->site, ids->word[i], &found, problem);
		if (result == RESULT_NOT_FOUND)
			result = RESULT_OK; /* the plan may have others; its absence is told when it is sold */
		else if (result == RESULT_OK && remember(billing, &found, 1) != RESULT_OK)
			result = problem_store(problem);
	}
	return result;
}

static enum result read_by_product(const struct billing *billing, const char *product,
    struct problem *problem)
{
	struct stripe_price *found = NULL;
	size_t n_found = 0;
	enum result result;

	result = stripe_price_list_by_product(billing->stripe, billing->site, product, &found, &n_found,
	    problem);
	if (result == RESULT_OK && remember(billing, found, n_found) != RESULT_OK)
		result = problem_store(problem);
	free(found);
	return result;
}

static enum result read_plan(const struct billing *billing, const struct plan *plan,
    struct problem *problem)
{
	const char *setup[] = { plan->setup_lookup_key };
	enum result result;

	if (plan_sold_by_product(plan))
		result = read_by_product(billing, plan->product, problem);
	else
		result = read_by_ids(billing, &plan->prices, problem);
	if (result == RESULT_OK)
		result = read_by_lookup_keys(billing, (const char *const *)plan->lookup_keys.word,
		    plan->lookup_keys.count, problem);
	if (result == RESULT_OK && plan->setup_lookup_key != NULL)
		result = read_by_lookup_keys(billing, setup, 1, problem);
	return result;
}

static enum result catalogue_read(const struct billing *billing, struct catalogue *catalogue,
    struct problem *problem)
{
	free(catalogue->prices);
	*catalogue = (struct catalogue){ 0 };
	if (store_prices_read(billing->store, billing->site, &catalogue->prices, &catalogue->count) !=
	    RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

/* The catalogue with this plan's prices no older than PRICE_FRESH_SECONDS. */
static enum result catalogue_for_plan(const struct billing *billing, const struct plan *plan,
    struct catalogue *catalogue, struct problem *problem)
{
	enum result result = RESULT_OK;

	if (catalogue->prices == NULL)
		result = catalogue_read(billing, catalogue, problem);
	if (result != RESULT_OK || plan_is_fresh(catalogue, plan, billing->now))
		return result;
	result = read_plan(billing, plan, problem);
	return result == RESULT_OK ? catalogue_read(billing, catalogue, problem) : result;
}

static bool is_wanted(const struct store_price *price, const struct plan_wanted *wanted)
{
	return price->interval[0] != '\0' &&
	    (wanted->price_id == NULL || strcmp(price->id, wanted->price_id) == 0) &&
	    (wanted->lookup_key == NULL || strcmp(price->lookup_key, wanted->lookup_key) == 0) &&
	    (wanted->interval == NULL || strcmp(price->interval, wanted->interval) == 0);
}

static const struct store_price *wanted_of_names(const struct catalogue *catalogue,
    const struct words *names, const struct plan_wanted *wanted, int64_t now)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		const struct store_price *price = fresh_by_name(catalogue, names->word[i], now);

		if (price != NULL && is_wanted(price, wanted))
			return price;
	}
	return NULL;
}

static const struct store_price *wanted_of_product(const struct catalogue *catalogue,
    const char *product, const struct plan_wanted *wanted, int64_t now)
{
	const struct store_price *price = fresh_by_product(catalogue, product, now, 0);

	while (price != NULL && !is_wanted(price, wanted))
		price = fresh_by_product(catalogue, product, now,
		    (size_t)(price - catalogue->prices) + 1);
	return price;
}

static const struct store_price *wanted_of_plan(const struct catalogue *catalogue,
    const struct plan *plan, const struct plan_wanted *wanted, int64_t now)
{
	const struct store_price *price;

	if (plan_sold_by_product(plan))
		return wanted_of_product(catalogue, plan->product, wanted, now);
	price = wanted_of_names(catalogue, &plan->prices, wanted, now);
	return price != NULL ? price : wanted_of_names(catalogue, &plan->lookup_keys, wanted, now);
}

static enum result choose_from_plan(const struct billing *billing, const struct plan *plan,
    const struct plan_wanted *wanted, struct catalogue *catalogue, struct plan_choice *choice,
    struct problem *problem)
{
	const struct store_price *price, *setup;
	enum result result;

	result = catalogue_for_plan(billing, plan, catalogue, problem);
	if (result != RESULT_OK)
		return result;
	price = wanted_of_plan(catalogue, plan, wanted, billing->now);
	if (price == NULL)
		return RESULT_NOT_FOUND;
	choice->plan = plan;
	choice->price = *price;
	choice->setup_price[0] = '\0';
	if (plan->setup_lookup_key == NULL)
		return RESULT_OK;
	setup = fresh_by_name(catalogue, plan->setup_lookup_key, billing->now);
	if (setup == NULL)
		return RESULT_NOT_FOUND;
	memcpy(choice->setup_price, setup->id, sizeof(choice->setup_price));
	return RESULT_OK;
}

static enum result plan_unavailable(const struct plan *plan, const struct plan_wanted *wanted,
    struct problem *problem)
{
	if (wanted->interval != NULL)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "interval",
		    "The plan has no price with this interval.");
	log_event(LOG_LEVEL_ERROR, "Stripe has no active price for a plan", "plan", plan->name, NULL);
	return problem_set(problem, RESULT_UPSTREAM, "plan_unavailable", NULL,
	    "This plan cannot be bought at the moment.");
}

static enum result choose_named_plan(const struct billing *billing, const struct plan *plan,
    const struct plan_wanted *wanted, struct plan_choice *choice, struct problem *problem)
{
	struct catalogue catalogue = { 0 };
	enum result result;

	if (plan->free)
		return problem_set(problem, RESULT_INVALID, "plan_free", "plan",
		    "This plan is free: there is nothing to buy.");
	result = choose_from_plan(billing, plan, wanted, &catalogue, choice, problem);
	if (result == RESULT_NOT_FOUND)
		result = plan_unavailable(plan, wanted, problem);
	free(catalogue.prices);
	return result;
}

/* Only the plans' own prices are looked at, so that a caller cannot make us
 * ask Stripe for what she names. */
static enum result choose_any_plan(const struct billing *billing, const struct plan_wanted *wanted,
    struct plan_choice *choice, struct problem *problem)
{
	struct catalogue catalogue = { 0 };
	enum result result = RESULT_NOT_FOUND;
	size_t i;

	for (i = 0; i < billing->site->n_plans && result == RESULT_NOT_FOUND; i++)
		if (!billing->site->plans[i].free)
			result = choose_from_plan(billing, &billing->site->plans[i], wanted, &catalogue,
			    choice, problem);
	if (result == RESULT_NOT_FOUND)
		result = problem_set(problem, RESULT_INVALID, "price_not_in_plans",
		    wanted->price_id != NULL ? "priceId" : "lookupKey", "No plan of this site has this price.");
	free(catalogue.prices);
	return result;
}

enum result billing_plan_choose(const struct billing *billing, const struct plan_wanted *wanted,
    struct plan_choice *choice, struct problem *problem)
{
	const struct plan *plan = billing->site->default_plan;

	if (wanted->plan == NULL && (wanted->price_id != NULL || wanted->lookup_key != NULL))
		return choose_any_plan(billing, wanted, choice, problem);
	if (wanted->plan == NULL && plan == NULL)
		return problem_set(problem, RESULT_INVALID, "parameter_missing", "plan",
		    "Name a plan: plan, priceId or lookupKey.");
	if (wanted->plan != NULL)
		plan = site_plan(billing->site, wanted->plan);
	if (plan == NULL)
		return problem_set(problem, RESULT_INVALID, "plan_unknown", "plan",
		    "This site has no such plan.");
	return choose_named_plan(billing, plan, wanted, choice, problem);
}

enum result billing_plan_refresh(const struct billing *billing, struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < billing->site->n_plans && result == RESULT_OK; i++)
		if (!billing->site->plans[i].free)
			result = read_plan(billing, &billing->site->plans[i], problem);
	return result;
}

enum result billing_plan_withdraw(const struct billing *billing, const char *price,
    struct problem *problem)
{
	struct catalogue catalogue = { 0 };
	enum result result = catalogue_read(billing, &catalogue, problem);
	size_t i;

	for (i = 0; i < catalogue.count && result == RESULT_OK; i++) {
		struct store_price *known = &catalogue.prices[i];

		if (strcmp(known->id, price) != 0)
			continue;
		known->active = false;
		if (store_price_write(billing->store, billing->site, known) != RESULT_OK)
			result = problem_store(problem);
	}
	free(catalogue.prices);
	return result;
}

bool billing_plan_sells(const struct plan *plan, const struct store_price *price)
{
	if (!price->active || price->interval[0] == '\0')
		return false;
	if (plan_sold_by_product(plan))
		return plan->product != NULL && strcmp(plan->product, price->product) == 0;
	return words_include(&plan->prices, price->id) || words_include(&plan->lookup_keys, price->lookup_key);
}

static bool site_is_fresh(const struct billing *billing, const struct catalogue *catalogue)
{
	size_t i;

	for (i = 0; i < billing->site->n_plans; i++)
		if (!billing->site->plans[i].free &&
		    !plan_is_fresh(catalogue, &billing->site->plans[i], billing->now))
			return false;
	return true;
}

/* Who had the lock before has perhaps read it. */
static enum result catalogue_complete(const struct billing *billing, struct catalogue *catalogue,
    struct problem *problem)
{
	enum result result = catalogue_read(billing, catalogue, problem);

	if (result != RESULT_OK || site_is_fresh(billing, catalogue))
		return result;
	result = billing_plan_refresh(billing, problem);
	return result == RESULT_OK ? catalogue_read(billing, catalogue, problem) : result;
}

/* One at a time. While something stays unknown the lock is left to fall by
 * itself, and others show what there is. */
static enum result catalogue_renew(const struct billing *billing, struct catalogue *catalogue,
    struct problem *problem)
{
	struct store_lock lock;
	enum result result;

	switch (store_lock_take(billing->store, billing->site, "catalogue", 0, SHOWN_PAUSE_MS, &lock)) {
	case RESULT_OK:
		break;
	case RESULT_CONFLICT:
		return problem_set(problem, RESULT_UNAVAILABLE, "busy", NULL,
		    "The prices are being read; try again shortly.");
	default:
		return problem_store(problem);
	}
	result = catalogue_complete(billing, catalogue, problem);
	if (result == RESULT_OK && site_is_fresh(billing, catalogue))
		store_lock_release(billing->store, billing->site, &lock);
	return result;
}

enum result billing_plan_catalogue(const struct billing *billing, struct store_price **prices,
    size_t *n_prices, struct problem *problem)
{
	struct catalogue catalogue = { 0 };
	enum result result = catalogue_read(billing, &catalogue, problem);

	if (result != RESULT_OK)
		return result;
	if (!site_is_fresh(billing, &catalogue))
		result = catalogue_renew(billing, &catalogue, problem);
	if (result != RESULT_OK && catalogue.count == 0) {
		free(catalogue.prices);
		return result;
	}
	*prices = catalogue.prices;
	*n_prices = catalogue.count;
	return RESULT_OK;
}
