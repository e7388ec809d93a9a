/* What is bought, in Stripe's Checkout or the site's own form: the same questions before either. */
#ifndef TOLLGATE_BILLING_PURCHASE_H
#define TOLLGATE_BILLING_PURCHASE_H

#include "billing.h"
#include "billing_plan.h"
#include "store_customer.h"

/* As the caller says it; NULL or 0 = not said. */
struct purchase_wanted {
	struct plan_wanted plan;
	int64_t quantity;
	const char *currency;
	const char *promotion_code; /* as typed */
	const char *customer;       /* one of hers */
};

struct purchase {
	const struct purchase_wanted *wanted;
	struct plan_choice choice;
	int64_t quantity;
	const char *currency;                /* NULL: the price's own */
	char promotion_code[STRIPE_ID_SIZE]; /* promo_…, "" = none */
	char customer[STRIPE_ID_SIZE];       /* "" until billing_purchase_customer */
	struct plan terms;                   /* the plan as she gets it, from billing_purchase_terms */
	bool counted;                        /* against the limit, by billing_purchase_count */
	bool withdrawn;                      /* its price: there may be another by now */
};

/* What the caller names, looked up; `wanted` stays the caller's. Refuses what no plan sells.
 * *purchase is zero, or one that was opened before: it stays counted. */
enum result billing_purchase_open(const struct billing *billing,
    const struct purchase_wanted *wanted, struct purchase *purchase, struct problem *problem);

/* Counts it against the limit (billing_limit_take), once: before anything is made for it,
 * or ended, so that one that is refused leaves everything as it was. */
enum result billing_purchase_count(const struct billing *billing, struct purchase *purchase,
    struct problem *problem);

/* Who pays: one of the caller's customers, made when she has none. Only under her
 * lock. RESULT_NOT_FOUND `customer_unknown` when the one she names is not hers. */
enum result billing_purchase_customer(const struct billing *billing,
    const struct store_user *user, struct purchase *purchase, struct problem *problem);

/* The plan as this user gets it: without its trial when she has had one and
 * one_trial_per_customer stands. Borrowed from the purchase. */
const struct plan *billing_purchase_terms(const struct site *site, const struct store_user *user,
    struct purchase *purchase);

/* RESULT_CONFLICT `already_subscribed` when Stripe, too, says that she has a live
 * subscription to the product. */
enum result billing_purchase_check(const struct billing *billing, const struct purchase *purchase,
    const struct store_user *user, struct problem *problem);

/* The caller's live subscription to the product, as `user` has it; or NULL. */
const struct subscription *billing_purchase_live(const struct purchase *purchase,
    const struct store_user *user);
bool billing_purchase_is_of(const struct purchase *purchase,
    const struct subscription *subscription);
enum result billing_already_subscribed(struct problem *problem);

/* Stripe's refusal names the customer, who has gone. */
bool billing_purchase_customer_gone(const struct problem *problem);
/* In place of the customer who has gone. */
enum result billing_purchase_replace_customer(const struct billing *billing,
    struct purchase *purchase, struct problem *problem);

/* Stripe's refusal in terms of the caller's fields; what she did not name is our
 * fault or the site's. Of the price it makes the purchase `withdrawn`: opened again,
 * it is for what Stripe sells now. */
enum result billing_purchase_refused(const struct billing *billing, struct purchase *purchase,
    struct problem *problem);

#endif
