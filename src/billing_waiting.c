#include "billing_waiting.h"

#include <string.h>

#include "billing_access.h"
#include "billing_subscription.h"
#include "billing_sync.h"
#include "log.h"
#include "stripe_subscription_write.h"

bool billing_waiting_is_sold_here(const struct site *site,
    const struct subscription *subscription)
{
	size_t i;

	for (i = 0; i < subscription->n_items; i++)
		if (access_item_plan(site, &subscription->items[i], NULL, 0) != NULL)
			return true;
	return false;
}

static enum result cancel(const struct billing *billing, struct stripe_subscription *subscription,
    struct problem *problem)
{
	char key[STRIPE_DIGEST_SIZE];
	struct form *form = form_new();
	enum result result;

	if (form == NULL || !stripe_digest(key, billing->site->name, "cancel-incomplete",
	    subscription->snapshot.id, NULL))
		result = problem_memory(problem);
	else
		result = stripe_subscription_call(billing->stripe, billing->site, "DELETE",
		    subscription->snapshot.id, NULL, form, key, subscription, problem);
	form_free(form);
	return result;
}

static bool is_payable(const struct stripe_subscription *subscription)
{
	const char *status = subscription->invoice_status;

	return status[0] != '\0' && strcmp(status, "draft") != 0 && strcmp(status, "void") != 0;
}

/* Stripe cancels what has been paid a moment ago, too, and keeps the money; it voids no
 * invoice that is paid, or being paid. */
static enum result end(const struct billing *billing, struct stripe_subscription *subscription,
    struct problem *problem)
{
	enum result result = RESULT_OK;

	if (is_payable(subscription))
		result = stripe_subscription_void_invoice(billing->stripe, billing->site, subscription,
		    problem);
	if (result == RESULT_OK && subscription->snapshot.status == SUBSCRIPTION_INCOMPLETE)
		result = cancel(billing, subscription, problem);
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_INFO, "incomplete subscription given up", "subscription",
		    subscription->snapshot.id, NULL);
	return result;
}

/* It is no longer what it was when we looked. */
static enum result look_again(const struct billing *billing, const struct purchase *purchase,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result = stripe_subscription_retrieve(billing->stripe, billing->site,
	    subscription->snapshot.id, subscription, problem);

	if (result == RESULT_OK && subscription->snapshot.status == SUBSCRIPTION_INCOMPLETE &&
	    billing_purchase_is_of(purchase, &subscription->snapshot))
		return problem_set(problem, RESULT_CONFLICT, "busy", NULL,
		    "Your last purchase is just being paid; try again shortly.");
	return result;
}

enum result billing_waiting_give_up(const struct billing *billing, struct purchase *purchase,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result = billing_purchase_count(billing, purchase, problem);

	if (result != RESULT_OK)
		return result;
	result = end(billing, subscription, problem);
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		result = look_again(billing, purchase, subscription, problem);
	return result;
}

static enum result leave(const struct billing *billing, struct purchase *purchase,
    const struct subscription *known, struct problem *problem)
{
	struct stripe_subscription waiting;
	enum result result;

	result = stripe_subscription_retrieve(billing->stripe, billing->site, known->id, &waiting,
	    problem);
	if (result == RESULT_NOT_FOUND)
		return billing_sync_customer(billing, known->customer, problem);
	/* Only an order of the own form has such a mark; the others' payment is Checkout's. */
	if (result == RESULT_OK && waiting.order[0] != '\0' &&
	    waiting.snapshot.status == SUBSCRIPTION_INCOMPLETE)
		result = billing_waiting_give_up(billing, purchase, &waiting, problem);
	if (result == RESULT_OK)
		result = billing_subscription_remember(billing, &waiting, problem);
	if (result == RESULT_OK && subscription_live(waiting.snapshot.status) &&
	    billing_purchase_is_of(purchase, &waiting.snapshot))
		result = billing_already_subscribed(problem);
	return result;
}

enum result billing_waiting_leave(const struct billing *billing, struct purchase *purchase,
    const struct store_user *user, struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < user->n_records && result == RESULT_OK; i++) {
		const struct subscription *known = &user->records[i].snapshot;

		if (known->status == SUBSCRIPTION_INCOMPLETE &&
		    billing_waiting_is_sold_here(billing->site, known))
			result = leave(billing, purchase, known, problem);
	}
	return result;
}
