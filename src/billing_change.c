#include "billing_change.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing_access.h"
#include "billing_customer.h"
#include "billing_own.h"
#include "billing_purchase.h"
#include "hex.h"
#include "log.h"
#include "store_preview.h"
#include "stripe_invoice.h"
#include "stripe_invoice_preview.h"

/* Payment methods whose payments take days: Stripe has no pending updates with them
 * (docs.stripe.com/billing/subscriptions/pending-updates-reference). */
static const char *const slow_methods[] = { "acss_debit", "au_becs_debit", "bacs_debit",
	"nz_bank_account", "sepa_debit", "us_bank_account" };

/* A change of one item, looked up; borrows from what was wanted and from the subscription. */
struct change {
	const struct change_wanted *wanted;
	struct stripe_item_change item;
	struct plan_choice choice;
	bool is_so;                         /* it needs no change */
	char digest[STRIPE_DIGEST_SIZE];    /* of all that makes it this change, as of its date */
};

static enum result use_portal(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "use_portal", "subscriptionId",
	    "This subscription is changed in the customer portal.");
}

static enum result payment_due(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "payment_due", "subscriptionId",
	    "What is open is to be paid first.");
}

static int64_t time_at_stripe(const struct billing *billing,
    const struct stripe_subscription *subscription)
{
	return subscription->date != 0 ? subscription->date : billing->now;
}

static bool pays_slowly(const struct stripe_subscription *subscription)
{
	size_t i;

	for (i = 0; i < sizeof(slow_methods) / sizeof(slow_methods[0]); i++)
		if (strcmp(subscription->method_type, slow_methods[i]) == 0)
			return true;
	return false;
}

/* What is open comes first: a change that is paid would make Stripe call it active. */
static enum result check_status(const struct stripe_subscription *subscription,
    struct problem *problem)
{
	const struct subscription *snapshot = &subscription->snapshot;

	switch (snapshot->status) {
	case SUBSCRIPTION_TRIALING:
	case SUBSCRIPTION_ACTIVE:
		break;
	case SUBSCRIPTION_PAUSED:
		return problem_set(problem, RESULT_CONFLICT, "subscription_paused", "subscriptionId",
		    "This subscription is paused: resume it first.");
	case SUBSCRIPTION_CANCELED:
	case SUBSCRIPTION_INCOMPLETE_EXPIRED:
		return billing_own_ended(problem);
	default:
		return payment_due(problem);
	}
	if (snapshot->send_invoice || snapshot->pause_collection != COLLECTION_RUNS ||
	    pays_slowly(subscription))
		return use_portal(problem);
	return RESULT_OK;
}

static const struct subscription_item *find_item(const struct subscription *snapshot,
    const char *id)
{
	size_t i;

	if (id == NULL)
		return snapshot->n_items == 1 ? &snapshot->items[0] : NULL;
	for (i = 0; i < snapshot->n_items; i++)
		if (strcmp(snapshot->items[i].id, id) == 0)
			return &snapshot->items[i];
	return NULL;
}

static enum result choose_item(const struct change_wanted *wanted,
    const struct subscription *snapshot, const struct subscription_item **item,
    struct problem *problem)
{
	if (wanted->customer != NULL && strcmp(wanted->customer, snapshot->customer) != 0)
		return problem_set(problem, RESULT_NOT_FOUND, "customer_unknown", "customerId",
		    "There is no such customer.");
	*item = find_item(snapshot, wanted->item);
	if (*item == NULL && wanted->item != NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "item_unknown", "itemId",
		    "There is no such item.");
	if (*item == NULL)
		return problem_set(problem, RESULT_CONFLICT, "several_items", "itemId",
		    "This subscription has several items: name one.");
	return RESULT_OK;
}

/* What billing_plan_choose refuses, by the names that it has here. */
static enum result rename_field(enum result result, struct problem *problem)
{
	static const char *const names[][2] = {
		{ "plan", "newPlan" }, { "priceId", "newPriceId" }, { "lookupKey", "newLookupKey" },
	};
	const struct problem said = *problem;
	size_t i;

	for (i = 0; result == RESULT_INVALID && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(said.param, names[i][0]) == 0)
			return problem_set(problem, result, said.code, names[i][1], "%s", said.message);
	return result;
}

static bool names_plan(const struct plan_wanted *plan)
{
	return plan->plan != NULL || plan->price_id != NULL || plan->lookup_key != NULL;
}

static enum result choose_price(const struct billing *billing, struct change *change,
    const struct subscription_item *item, struct problem *problem)
{
	const struct change_wanted *wanted = change->wanted;
	struct plan_wanted plan = wanted->plan;
	enum result result;

	if (!names_plan(&plan) && wanted->quantity == 0 && wanted->trial_end == 0)
		return problem_set(problem, RESULT_INVALID, "parameter_missing", "newPriceId",
		    "Name what is to be changed: newPriceId, newPlan, newLookupKey or quantity.");
	if (!names_plan(&plan))
		plan.price_id = item->price;
	result = rename_field(billing_plan_choose(billing, &plan, &change->choice, problem), problem);
	if (result != RESULT_OK)
		return result;
	change->item.item = item->id;
	change->item.price = change->choice.price.id;
	change->item.quantity = wanted->quantity != 0 ? wanted->quantity : item->quantity;
	if (change->item.quantity > change->choice.plan->quantity_max)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "quantity",
		    "At most %" PRId64 " of this plan can be bought.", change->choice.plan->quantity_max);
	return RESULT_OK;
}

/* One that gives a shorter trial than the present one gives none to who is in it. */
static bool ends_trial(const struct subscription *snapshot, const struct plan *present,
    const struct plan *plan)
{
	return snapshot->status == SUBSCRIPTION_TRIALING && (plan->trial_days == 0 ||
	    (present != NULL && plan->trial_days < present->trial_days));
}

/* What another plan brings beside its price. */
static enum result choose_terms(const struct billing *billing, struct change *change,
    const struct subscription *snapshot, const struct subscription_item *item,
    struct problem *problem)
{
	const struct plan_choice *choice = &change->choice;
	struct store_price *prices = NULL;
	const struct plan *present;
	size_t n_prices = 0;

	if (store_prices_read(billing->store, billing->site, &prices, &n_prices) != RESULT_OK)
		return problem_store(problem);
	present = access_item_plan(billing->site, item, prices, n_prices);
	free(prices);
	if (present == choice->plan)
		return RESULT_OK;
	change->item.setup_price = choice->setup_price[0] != '\0' ? choice->setup_price : NULL;
	change->item.ends_trial = ends_trial(snapshot, present, choice->plan);
	return RESULT_OK;
}

/* A debit that is under way or has failed, of which Stripe says active. */
static bool first_payment_is_open(const struct store_user *user, const char *subscription)
{
	size_t i;

	for (i = 0; i < user->n_records; i++)
		if (strcmp(user->records[i].snapshot.id, subscription) == 0)
			return user->records[i].first_payment == FIRST_PAYMENT_PROCESSING ||
			    user->records[i].first_payment == FIRST_PAYMENT_FAILED;
	return false;
}

/* What Redis knows of it, and of the others that are hers. */
static enum result check_records(const struct billing *billing, const struct change *change,
    const struct subscription *snapshot, const struct subscription_item *item,
    struct problem *problem)
{
	const struct purchase purchase = { .choice = change->choice };
	struct store_user user = { 0 };
	enum result result;

	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK && first_payment_is_open(&user, snapshot->id))
		result = payment_due(problem);
	if (result == RESULT_OK && strcmp(item->product, change->choice.price.product) != 0)
		result = billing_purchase_check(billing, &purchase, &user, problem);
	store_user_free(&user);
	return result;
}

/* Stripe credits what is not used, paid for or not, and says active while an invoice is a draft
 * or its debit under way. What waits for its payment ends with its period, so that its invoice
 * is the latest. */
static enum result check_invoices(const struct billing *billing,
    const struct stripe_subscription *subscription, struct problem *problem)
{
	const char *waiting = subscription->pending_price[0] != '\0' ?
	    subscription->snapshot.latest_invoice : "";
	enum result result;
	bool owed;

	result = stripe_invoice_owed(billing->stripe, billing->site, subscription->snapshot.id, waiting,
	    time_at_stripe(billing, subscription), &owed, problem);
	return result == RESULT_OK && owed ? payment_due(problem) : result;
}

/* With what it changes from: after a renewal or another change the price would be another. */
static bool digest_make(const struct billing *billing, const struct subscription *snapshot,
    const struct subscription_item *item, struct change *change)
{
	const char *setup_price = change->item.setup_price;
	char numbers[128];

	snprintf(numbers, sizeof(numbers), "%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64 ":%d",
	    item->quantity, change->item.quantity, item->current_period_end,
	    change->item.proration_date, change->item.ends_trial);
	return stripe_digest(change->digest, billing->identity->user, snapshot->id, item->id,
	    item->price, change->item.price, setup_price != NULL ? setup_price : "", numbers, NULL);
}

static enum result change_open(const struct billing *billing, const struct change_wanted *wanted,
    int64_t date, const struct stripe_subscription *subscription, struct change *change,
    struct problem *problem)
{
	const struct subscription *snapshot = &subscription->snapshot;
	const struct subscription_item *item = NULL;
	enum result result;

	*change = (struct change){ .wanted = wanted, .item.proration_date = date };
	result = check_status(subscription, problem);
	if (result == RESULT_OK)
		result = choose_item(wanted, snapshot, &item, problem);
	if (result == RESULT_OK)
		result = choose_price(billing, change, item, problem);
	if (result == RESULT_OK)
		result = choose_terms(billing, change, snapshot, item, problem);
	if (result != RESULT_OK)
		return result;
	change->is_so = strcmp(item->price, change->item.price) == 0 &&
	    item->quantity == change->item.quantity;
	if (!change->is_so)
		result = check_records(billing, change, snapshot, item, problem);
	if (result == RESULT_OK && !digest_make(billing, snapshot, item, change))
		result = problem_memory(problem);
	return result;
}

static enum result preview_expired(struct problem *problem)
{
	return problem_set(problem, RESULT_INVALID, "preview_expired", "prorationDate",
	    "This preview is too old, or of another change.");
}

/* The beginning of Stripe's param, which for a preview stands within subscription_details. */
static bool param_is(const char *param, const char *name)
{
	static const char around[] = "subscription_details[";

	if (strncmp(param, around, sizeof(around) - 1) == 0)
		param += sizeof(around) - 1;
	return strncmp(param, name, strlen(name)) == 0;
}

static enum result change_refused(const struct change_wanted *wanted, struct problem *problem)
{
	const struct problem said = *problem;

	if (param_is(said.param, "proration_date"))
		return preview_expired(problem);
	if (param_is(said.param, "payment_behavior"))
		return use_portal(problem);
	if (param_is(said.param, "trial_end") && wanted->trial_end != 0)
		return problem_set(problem, RESULT_INVALID, said.code, "trialEndDate", "%s", said.message);
	if (param_is(said.param, "items") && names_plan(&wanted->plan)) /* its currency, or interval */
		return problem_set(problem, RESULT_INVALID, said.code, "newPriceId", "%s", said.message);
	return stripe_refused(problem);
}

struct preview {
	struct change_wanted wanted;
	struct json_object *invoice;
	int64_t date;
};

static enum result preview(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct preview *preview = context;
	int64_t date = time_at_stripe(billing, subscription);
	char once[HEX_RANDOM_SIZE], key[STRIPE_DIGEST_SIZE];
	struct change change;
	enum result result;

	result = change_open(billing, &preview->wanted, date, subscription, &change, problem);
	if (result == RESULT_OK && !change.is_so)
		result = check_invoices(billing, subscription, problem);
	if (result != RESULT_OK)
		return result;
	/* A preview leaves nothing behind: each request makes its own. */
	if (!hex_random(once) || !stripe_digest(key, billing->site->name, "preview", once, NULL))
		return problem_memory(problem);
	result = stripe_invoice_preview(billing->stripe, billing->site, subscription->snapshot.id,
	    &change.item, preview->wanted.trial_end, key, &preview->invoice, problem);
	if (result == RESULT_INVALID || result == RESULT_NOT_FOUND)
		return change_refused(&preview->wanted, problem);
	if (result != RESULT_OK || preview->wanted.trial_end != 0)
		return result;
	preview->date = date;
	return store_preview_write(billing->store, billing->site, change.digest) == RESULT_OK ?
	    RESULT_OK : problem_store(problem);
}

/* Whether it waits for its payment already, and costs what the caller was shown. */
static enum result check_preview(const struct billing *billing, const struct change *change,
    const struct stripe_subscription *subscription, bool *waits, struct problem *problem)
{
	char invoice[STRIPE_ID_SIZE];

	*waits = subscription->confirmation == CONFIRM_PAYMENT && subscription->snapshot.n_items == 1 &&
	    strcmp(subscription->pending_price, change->item.price) == 0 &&
	    subscription->pending_quantity == change->item.quantity;
	if (change->item.proration_date == 0)
		return RESULT_OK;
	switch (store_preview_read(billing->store, billing->site, change->digest, invoice)) {
	case RESULT_OK:
		*waits = *waits && strcmp(invoice, subscription->snapshot.latest_invoice) == 0;
		return RESULT_OK;
	case RESULT_NOT_FOUND:
		return preview_expired(problem);
	default:
		return problem_store(problem);
	}
}

static enum result ask_stripe(const struct billing *billing, const struct change *change,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct attempt attempt;
	enum result result;

	result = check_invoices(billing, subscription, problem);
	if (result == RESULT_OK)
		result = billing_own_begin(billing, &(struct own_write){ "update-subscription",
		    change->wanted->idempotency_key, change->digest }, subscription->snapshot.id,
		    &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_update(billing->stripe, billing->site,
	    subscription->snapshot.id, &change->item, attempt.idempotency_key, subscription, problem);
	if (result != RESULT_INVALID && result != RESULT_NOT_FOUND)
		return billing_own_end(billing, &attempt, result, problem);
	billing_attempt_settle(billing, &attempt, result);
	return change_refused(change->wanted, problem);
}

static enum result update(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	const struct stripe_subscription known = *subscription;
	const struct change_wanted *wanted = context;
	struct change change;
	bool waits = false;
	enum result result;

	result = change_open(billing, wanted, wanted->proration_date, &known, &change, problem);
	if (result == RESULT_OK && change.is_so) {
		subscription->confirmation = CONFIRM_NOTHING;
		return RESULT_OK;
	}
	if (result == RESULT_OK)
		result = check_preview(billing, &change, &known, &waits, problem);
	if (result == RESULT_OK && !waits)
		result = ask_stripe(billing, &change, subscription, problem);
	if (result != RESULT_OK)
		return result;
	if (wanted->proration_date != 0 && subscription->confirmation == CONFIRM_PAYMENT &&
	    store_preview_wait(billing->store, billing->site, change.digest,
	    subscription->snapshot.latest_invoice) != RESULT_OK)
		return problem_store(problem);
	log_event(LOG_LEVEL_INFO, subscription->confirmation == CONFIRM_PAYMENT ?
	    "change waits for its payment" : "subscription changed", "subscription", known.snapshot.id,
	    "plan", change.choice.plan->name, NULL);
	return RESULT_OK;
}

enum result billing_change_preview(const struct billing *billing,
    const struct change_wanted *wanted, struct json_object **invoice, int64_t *date,
    struct problem *problem)
{
	struct preview context = { .wanted = *wanted };
	struct stripe_subscription subscription;
	enum result result;

	result = billing_own(billing, wanted->subscription, preview, &context, &subscription, problem);
	if (result != RESULT_OK) {
		json_object_put(context.invoice);
		return result;
	}
	*invoice = context.invoice;
	*date = context.date;
	return RESULT_OK;
}

enum result billing_change_update(const struct billing *billing, const struct change_wanted *wanted,
    struct stripe_subscription *subscription, struct problem *problem)
{
	struct change_wanted context = *wanted;

	return billing_own(billing, wanted->subscription, update, &context, subscription, problem);
}
