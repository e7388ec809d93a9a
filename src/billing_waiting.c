#include "billing_waiting.h"

#include "billing_access.h"
#include "log.h"

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
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_INFO, "incomplete subscription canceled", "subscription",
		    subscription->snapshot.id, NULL);
	return result;
}

enum result billing_waiting_cancel(const struct billing *billing, struct purchase *purchase,
    struct stripe_subscription *subscription, struct problem *problem)
{
	enum result result = billing_purchase_count(billing, purchase, problem);

	return result == RESULT_OK ? cancel(billing, subscription, problem) : result;
}
