/* Prices and promotion codes: what can be bought, and for less (docs.stripe.com/api/prices). */
#ifndef TOLLGATE_STRIPE_PRICE_H
#define TOLLGATE_STRIPE_PRICE_H

#include "stripe.h"
#include "subscription.h"

struct stripe_price {
	char id[STRIPE_ID_SIZE];
	char product[STRIPE_ID_SIZE];
	char lookup_key[LOOKUP_KEY_SIZE]; /* "" = none */
	char currency[4];                 /* ISO 4217, lower case */
	char interval[8];                 /* "" = one time */
	int64_t unit_amount;              /* in the currency's smallest unit; 0 when tiered */
	bool active;
};

/* RESULT_NOT_FOUND when there is none such. */
enum result stripe_price_retrieve(struct stripe *stripe, const struct site *site, const char *id,
    struct stripe_price *price, struct problem *problem);

/* Active prices by up to ten lookup keys, or of a product; one page of 100. The caller frees *prices. */
enum result stripe_price_list_by_lookup_keys(struct stripe *stripe, const struct site *site,
    const char *const *lookup_keys, size_t n_lookup_keys, struct stripe_price **prices,
    size_t *n_prices, struct problem *problem);
enum result stripe_price_list_by_product(struct stripe *stripe, const struct site *site,
    const char *product, struct stripe_price **prices, size_t *n_prices, struct problem *problem);

#define STRIPE_LOOKUP_KEYS_MAX 10

/* The id (promo_…) of an active promotion code that a customer typed; RESULT_NOT_FOUND. */
enum result stripe_promotion_code_find(struct stripe *stripe, const struct site *site,
    const char *code, char id[STRIPE_ID_SIZE], struct problem *problem);

#endif
