#include "billing_payment.h"

#include <string.h>

#include "billing_customer.h"
#include "billing_limit.h"
#include "billing_own.h"
#include "billing_subscription.h"
#include "log.h"
#include "store_apply.h"
#include "stripe_subscription_write.h"

struct payment {
	const struct payment_wanted *wanted;
	struct stripe_invoice_due *invoice;
};

static enum result nothing_due(struct problem *problem)
{
	return problem_set(problem, RESULT_CONFLICT, "nothing_due", "subscriptionId",
	    "Nothing is to be paid.");
}

static enum result finalize(const struct billing *billing, const struct payment *payment,
    const char *subscription, struct problem *problem)
{
	struct stripe_invoice_due *invoice = payment->invoice;
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "pay-invoice",
	    payment->wanted->idempotency_key, invoice->id }, subscription, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_invoice_due_finalize(billing->stripe, billing->site, invoice->id,
	    attempt.idempotency_key, invoice, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

/* While it is unpaid, Stripe leaves each new invoice a draft. */
static enum result find_draft(const struct billing *billing, const struct payment *payment,
    const struct subscription *snapshot, bool *found, struct problem *problem)
{
	enum result result;

	*found = false;
	if (snapshot->status != SUBSCRIPTION_UNPAID || snapshot->latest_invoice[0] == '\0')
		return RESULT_OK;
	result = stripe_invoice_due_retrieve(billing->stripe, billing->site, snapshot->latest_invoice,
	    payment->invoice, problem);
	if (result != RESULT_OK || strcmp(payment->invoice->status, "draft") != 0)
		return result;
	*found = true;
	return finalize(billing, payment, snapshot->id, problem);
}

static enum result find_due(const struct billing *billing, const struct payment *payment,
    const struct stripe_subscription *subscription, struct problem *problem)
{
	struct stripe_invoice_due *invoice = payment->invoice;
	enum result result;
	bool found;

	if (subscription->confirmation == CONFIRM_PAYMENT) {
		memcpy(invoice->client_secret, subscription->client_secret, sizeof(invoice->client_secret));
		invoice->amount_due = subscription->amount_due;
		return RESULT_OK;
	}
	result = find_draft(billing, payment, &subscription->snapshot, &found, problem);
	if (result != RESULT_OK || found)
		return result;
	result = stripe_invoice_due_open(billing->stripe, billing->site, subscription->snapshot.id,
	    invoice, problem);
	return result == RESULT_NOT_FOUND ? nothing_due(problem) : result;
}

static enum result pay(const struct billing *billing, void *context,
    struct stripe_subscription *subscription, struct problem *problem)
{
	const struct payment *payment = context;
	enum result result;

	if (subscription_rank(subscription->snapshot.status) == RANK_FINAL)
		return billing_own_ended(problem);
	result = find_due(billing, payment, subscription, problem);
	if (result != RESULT_OK || payment->invoice->client_secret[0] != '\0')
		return result;
	/* A credit may have paid it as it was finalized. */
	if (strcmp(payment->invoice->status, "paid") == 0)
		return stripe_subscription_retrieve(billing->stripe, billing->site,
		    subscription->snapshot.id, subscription, problem);
	return problem_set(problem, RESULT_CONFLICT, "use_portal", "subscriptionId",
	    "This invoice is paid in the customer portal.");
}

enum result billing_pay(const struct billing *billing, const struct payment_wanted *wanted,
    struct stripe_invoice_due *invoice, struct problem *problem)
{
	struct stripe_invoice_due due = { .status = "" };
	struct payment context = { .wanted = wanted, .invoice = &due };
	struct stripe_subscription subscription;
	enum result result;

	result = billing_own(billing, wanted->subscription, pay, &context, &subscription, problem);
	if (result == RESULT_OK)
		*invoice = due;
	return result;
}

/* Her customer: of the subscription, or of any live one, or the oldest. */
static enum result find_customer(const struct store_user *user, const char *subscription,
    const char **customer, struct problem *problem)
{
	size_t i;

	*customer = NULL;
	for (i = 0; i < user->n_records && *customer == NULL; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		if (subscription != NULL ? strcmp(snapshot->id, subscription) == 0 :
		    subscription_live(snapshot->status))
			*customer = snapshot->customer;
	}
	if (*customer == NULL && subscription != NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "subscription_unknown", "subscriptionId",
		    "There is no such subscription.");
	if (*customer == NULL && user->n_customers > 0)
		*customer = user->customers[0];
	if (*customer == NULL)
		return problem_set(problem, RESULT_NOT_FOUND, "customer_missing", NULL,
		    "There is nothing to pay for: this user has never bought anything.");
	return RESULT_OK;
}

static enum result begin_locked(const struct billing *billing, const struct payment_wanted *wanted,
    const struct store_user *user, struct stripe_setup_intent *intent, struct problem *problem)
{
	const char *subscription = wanted->subscription != NULL ? wanted->subscription : "", *customer;
	struct attempt attempt;
	enum result result;

	result = find_customer(user, wanted->subscription, &customer, problem);
	if (result == RESULT_OK)
		result = billing_limit_take(billing, problem);
	if (result == RESULT_OK)
		result = billing_own_begin(billing, &(struct own_write){ "update-payment-method",
		    wanted->idempotency_key, customer }, subscription, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_setup_intent_create(billing->stripe, billing->site, customer,
	    wanted->subscription, attempt.idempotency_key, intent, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

static enum result set_subscription(const struct billing *billing,
    const struct stripe_setup_intent *intent, const char *id, struct problem *problem)
{
	struct stripe_subscription subscription;
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "set-payment-method", NULL,
	    intent->id }, id, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_subscription_set_method(billing->stripe, billing->site, id,
	    intent->payment_method, attempt.idempotency_key, &subscription, problem);
	result = billing_own_end(billing, &attempt, result, problem);
	return result == RESULT_OK ? billing_subscription_remember(billing, &subscription, problem) :
	    result;
}

static enum result set_subscriptions(const struct billing *billing, const struct store_user *user,
    const struct stripe_setup_intent *intent, struct problem *problem)
{
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < user->n_records && result == RESULT_OK; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		if (subscription_rank(snapshot->status) != RANK_FINAL &&
		    strcmp(snapshot->customer, intent->customer) == 0 &&
		    (intent->subscription[0] == '\0' || strcmp(snapshot->id, intent->subscription) == 0))
			result = set_subscription(billing, intent, snapshot->id, problem);
	}
	return result;
}

static enum result set_customer(const struct billing *billing,
    const struct stripe_setup_intent *intent, struct problem *problem)
{
	struct attempt attempt;
	enum result result;

	result = billing_own_begin(billing, &(struct own_write){ "set-payment-method", NULL,
	    intent->id }, intent->customer, &attempt, problem);
	if (result != RESULT_OK)
		return result;
	result = stripe_customer_set_method(billing->stripe, billing->site, intent->customer,
	    intent->payment_method, attempt.idempotency_key, problem);
	return billing_own_end(billing, &attempt, result, problem);
}

/* What is kept of her payment method holds while her generation stands still, and a mark moves it. */
static enum result forget_method(const struct billing *billing, const char *customer,
    struct problem *problem)
{
	enum store_applied applied;

	return store_apply(billing->store, billing->site, &(struct store_change){
		.as_of = billing->now,
		.now = billing->now,
		.customer = customer,
		.dirty = DIRTY_ALWAYS,
	}, &applied, problem);
}

static enum result finish_locked(const struct billing *billing, const struct payment_wanted *wanted,
    const struct store_user *user, struct stripe_setup_intent *intent, struct problem *problem)
{
	enum result result;

	result = stripe_setup_intent_retrieve(billing->stripe, billing->site, wanted->setup_intent,
	    intent, problem);
	if (result == RESULT_NOT_FOUND ||
	    (result == RESULT_OK && !billing_customer_is_users(user, intent->customer)))
		return problem_set(problem, RESULT_NOT_FOUND, "setup_intent_unknown", "setupIntentId",
		    "There is no such SetupIntent.");
	if (result != RESULT_OK || strcmp(intent->status, "succeeded") != 0)
		return result;
	result = set_subscriptions(billing, user, intent, problem);
	if (result == RESULT_OK)
		result = set_customer(billing, intent, problem);
	if (result == RESULT_OK)
		result = forget_method(billing, intent->customer, problem);
	if (result == RESULT_OK)
		log_event(LOG_LEVEL_INFO, "payment method changed", "customer", intent->customer,
		    "payment_method", intent->payment_method, NULL);
	return result;
}

typedef enum result method_step(const struct billing *billing,
    const struct payment_wanted *wanted, const struct store_user *user,
    struct stripe_setup_intent *intent, struct problem *problem);

static enum result with_user(const struct billing *billing, const struct payment_wanted *wanted,
    method_step *step, struct stripe_setup_intent *intent, struct problem *problem)
{
	struct stripe_setup_intent found;
	struct store_user user = { 0 };
	struct store_lock lock;
	enum result result;

	result = billing_lock(billing, &lock, problem);
	if (result != RESULT_OK)
		return result;
	result = billing_customer_find(billing, &user, problem);
	if (result == RESULT_OK)
		result = step(billing, wanted, &user, &found, problem);
	if (result == RESULT_OK)
		*intent = found;
	store_user_free(&user);
	store_lock_release(billing->store, billing->site, &lock);
	return result;
}

enum result billing_method_begin(const struct billing *billing, const struct payment_wanted *wanted,
    struct stripe_setup_intent *intent, struct problem *problem)
{
	return with_user(billing, wanted, begin_locked, intent, problem);
}

enum result billing_method_finish(const struct billing *billing,
    const struct payment_wanted *wanted, struct stripe_setup_intent *intent,
    struct problem *problem)
{
	return with_user(billing, wanted, finish_locked, intent, problem);
}
