/* What is being bought: the site's plans, and their prices as Stripe has them now. */
#ifndef TOLLGATE_BILLING_PLAN_H
#define TOLLGATE_BILLING_PLAN_H

#include "billing.h"
#include "store_catalogue.h"

#define PRICE_FRESH_SECONDS 300 /* how old a price may be when it is sold */

/* As the caller names it; NULL = not said. All NULL: the site's default_plan. */
struct plan_wanted {
	const char *plan;
	const char *price_id;
	const char *lookup_key;
	const char *interval;
};

struct plan_choice {
	const struct plan *plan;
	struct store_price price;
	char setup_price[STRIPE_ID_SIZE]; /* "" = no set-up fee */
};

/* A plan of several prices without an interval is its first one in the
 * configuration. RESULT_INVALID names the field; RESULT_UPSTREAM
 * `plan_unavailable` when Stripe has no active price for it. */
enum result billing_plan_choose(const struct billing *billing, const struct plan_wanted *wanted,
    struct plan_choice *choice, struct problem *problem);

/* All prices of the site's plans, for who shows them: no older than
 * PRICE_FRESH_SECONDS, unless Stripe does not answer, or does not know some. Asks
 * Stripe at most every few seconds, since anybody may make us ask. The caller
 * frees *prices. */
enum result billing_plan_catalogue(const struct billing *billing, struct store_price **prices,
    size_t *n_prices, struct problem *problem);
/* Whether a price of the catalogue is one that the plan is sold at. */
bool billing_plan_sells(const struct plan *plan, const struct store_price *price);

/* Stripe refused to sell this price: who buys next makes us ask for what is sold now,
 * while the gate goes on knowing of which product it is. */
enum result billing_plan_withdraw(const struct billing *billing, const char *price,
    struct problem *problem);

/* Reads the prices of all plans, so that the gate knows of which product they are. */
enum result billing_plan_refresh(const struct billing *billing, struct problem *problem);

#endif
