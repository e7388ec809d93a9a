#include "billing_purchase.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "billing_customer.h"
#include "billing_limit.h"
#include "billing_sync.h"
#include "log.h"
#include "stripe_price.h"

static enum result check_quantity(const struct purchase_wanted *wanted, const struct plan *plan,
    struct problem *problem)
{
	if (wanted->quantity > plan->quantity_max)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "quantity",
		    "At most %" PRId64 " of this plan can be bought.", plan->quantity_max);
	return RESULT_OK;
}

/* A price may have others beside it, for other countries and for less. */
static enum result check_currency(const struct purchase_wanted *wanted, const struct plan *plan,
    struct problem *problem)
{
	if (wanted->currency != NULL && plan->currency != NULL &&
	    strcasecmp(wanted->currency, plan->currency) != 0)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "currency",
		    "This plan is sold in another currency.");
	return RESULT_OK;
}

enum result billing_purchase_count(const struct billing *billing, struct purchase *purchase,
    struct problem *problem)
{
	if (purchase->counted)
		return RESULT_OK;
	purchase->counted = true;
	return billing_limit_take(billing, problem);
}

static enum result find_promotion_code(const struct billing *billing, struct purchase *purchase,
    struct problem *problem)
{
	enum result result;

	if (purchase->wanted->promotion_code == NULL)
		return RESULT_OK;
	/* Codes could be tried out, one after the other. */
	result = billing_purchase_count(billing, purchase, problem);
	if (result == RESULT_OK)
		result = stripe_promotion_code_find(billing->stripe, billing->site,
		    purchase->wanted->promotion_code, purchase->promotion_code, problem);
	if (result == RESULT_NOT_FOUND)
		result = problem_set(problem, RESULT_INVALID, "promotion_code_unknown", "promotionCode",
		    "This promotion code is not valid.");
	return result;
}

enum result billing_purchase_open(const struct billing *billing,
    const struct purchase_wanted *wanted, struct purchase *purchase, struct problem *problem)
{
	enum result result;

	*purchase = (struct purchase){ .wanted = wanted, .counted = purchase->counted };
	result = billing_plan_choose(billing, &wanted->plan, &purchase->choice, problem);
	if (result == RESULT_OK)
		result = check_quantity(wanted, purchase->choice.plan, problem);
	if (result == RESULT_OK)
		result = check_currency(wanted, purchase->choice.plan, problem);
	if (result != RESULT_OK)
		return result;
	purchase->quantity = wanted->quantity != 0 ? wanted->quantity : 1;
	purchase->currency = wanted->currency != NULL ? wanted->currency :
	    purchase->choice.plan->currency;
	return find_promotion_code(billing, purchase, problem);
}

enum result billing_purchase_customer(const struct billing *billing, const struct store_user *user,
    struct purchase *purchase, struct problem *problem)
{
	const char *wanted = purchase->wanted->customer;

	if (wanted == NULL && user->n_customers == 0)
		return billing_customer_create(billing, &(struct customer_wanted){ 0 },
		    purchase->customer, problem);
	if (wanted == NULL)
		wanted = user->customers[0];
	else if (!billing_customer_is_users(user, wanted))
		return problem_set(problem, RESULT_NOT_FOUND, "customer_unknown", "customerId",
		    "There is no such customer.");
	memcpy(purchase->customer, wanted, strlen(wanted) + 1);
	return RESULT_OK;
}

/* Stripe keeps what has ended, and a reading brings it all: nobody begins anew by cancelling. */
static bool had_trial(const struct store_user *user)
{
	size_t i;

	for (i = 0; i < user->n_records; i++)
		if (user->records[i].snapshot.trial_end != 0)
			return true;
	return false;
}

const struct plan *billing_purchase_terms(const struct site *site, const struct store_user *user,
    struct purchase *purchase)
{
	purchase->terms = *purchase->choice.plan;
	if (site->one_trial_per_customer && had_trial(user)) {
		purchase->terms.trial_days = 0;
		purchase->terms.trial_without_card = false;
	}
	return &purchase->terms;
}

bool billing_purchase_is_of(const struct purchase *purchase,
    const struct subscription *subscription)
{
	size_t i;

	for (i = 0; i < subscription->n_items; i++)
		if (strcmp(subscription->items[i].product, purchase->choice.price.product) == 0)
			return true;
	return false;
}

/* Of one of her customers; NULL: of any. */
static const struct subscription *find_live(const struct purchase *purchase,
    const struct store_user *user, const char *customer)
{
	size_t i;

	for (i = 0; i < user->n_records; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		if (subscription_live(snapshot->status) && billing_purchase_is_of(purchase, snapshot) &&
		    (customer == NULL || strcmp(snapshot->customer, customer) == 0))
			return snapshot;
	}
	return NULL;
}

const struct subscription *billing_purchase_live(const struct purchase *purchase,
    const struct store_user *user)
{
	return find_live(purchase, user, NULL);
}

enum result billing_already_subscribed(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "already_subscribed", NULL,
	    "There is a subscription to this already.");
}

enum result billing_purchase_check(const struct billing *billing, const struct purchase *purchase,
    const struct store_user *user, struct problem *problem)
{
	struct store_user again = { 0 };
	enum result result = RESULT_OK;
	size_t i;

	if (billing_purchase_live(purchase, user) == NULL)
		return RESULT_OK;
	/* The event that ended it may be late or lost: ask before refusing a sale. */
	for (i = 0; i < user->n_customers && result == RESULT_OK; i++)
		if (find_live(purchase, user, user->customers[i]) != NULL)
			result = billing_sync_customer(billing, user->customers[i], problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &again, problem);
	if (result == RESULT_OK && billing_purchase_live(purchase, &again) != NULL)
		result = billing_already_subscribed(problem);
	store_user_free(&again);
	return result;
}

bool billing_purchase_customer_gone(const struct problem *problem)
{
	return strcmp(problem->param, "customer") == 0 && strcmp(problem->code, "resource_missing") == 0;
}

enum result billing_purchase_replace_customer(const struct billing *billing,
    struct purchase *purchase, struct problem *problem)
{
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_gone(billing, purchase->customer, problem);
	if (result == RESULT_OK)
		result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = billing_purchase_customer(billing, &user, purchase, problem);
	store_user_free(&user);
	return result;
}

/* What the caller may have named wrongly, by the beginning of Stripe's param. */
static const struct {
	const char *stripe;
	const char *ours;
} refusable[] = {
	{ "currency", "currency" },
	{ "line_items[0][quantity]", "quantity" },
	{ "items[0][quantity]", "quantity" },
	{ "line_items", "currency" }, /* the price has not the currency */
	{ "items", "currency" },
	{ "discounts", "promotionCode" },
};

static bool was_named(const struct purchase_wanted *wanted, const char *field)
{
	return (strcmp(field, "currency") == 0 && wanted->currency != NULL) ||
	    (strcmp(field, "quantity") == 0 && wanted->quantity != 0) ||
	    (strcmp(field, "promotionCode") == 0 && wanted->promotion_code != NULL);
}

static bool is_of_price(const struct problem *said)
{
	static const char end[] = "[price]";
	size_t length = strlen(said->param);

	return length >= sizeof(end) - 1 && strcmp(said->param + length - (sizeof(end) - 1), end) == 0;
}

static void withdraw(const struct billing *billing, struct purchase *purchase)
{
	const struct plan_choice *choice = &purchase->choice;
	struct problem ignored;

	log_event(LOG_LEVEL_WARNING, "Stripe does not sell a price any more",
	    "plan", choice->plan->name, "price", choice->price.id, NULL);
	purchase->withdrawn =
	    billing_plan_withdraw(billing, choice->price.id, &ignored) == RESULT_OK &&
	    billing_plan_withdraw(billing, choice->setup_price, &ignored) == RESULT_OK;
}

enum result billing_purchase_refused(const struct billing *billing, struct purchase *purchase,
    struct problem *problem)
{
	const struct problem said = *problem;
	size_t i;

	for (i = 0; i < sizeof(refusable) / sizeof(refusable[0]); i++)
		if (strncmp(said.param, refusable[i].stripe, strlen(refusable[i].stripe)) == 0 &&
		    was_named(purchase->wanted, refusable[i].ours))
			return problem_set(problem, RESULT_INVALID, said.code, refusable[i].ours, "%s",
			    said.message);
	if (is_of_price(&said))
		withdraw(billing, purchase);
	return stripe_refused(problem);
}
