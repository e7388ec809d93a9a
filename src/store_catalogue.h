/* What prices, lookup keys and promotion codes are, as Stripe last said. */
#ifndef TOLLGATE_STORE_CATALOGUE_H
#define TOLLGATE_STORE_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"
#include "subscription.h"

struct store_price {
	char id[STRIPE_ID_SIZE];
	char product[STRIPE_ID_SIZE];
	char lookup_key[LOOKUP_KEY_SIZE];
	char currency[4];
	char interval[8];          /* day, week, month, year; "" = one time */
	int64_t unit_amount;
	bool active;
	int64_t read_at;           /* when Stripe said so */
};

/* Stored under the price id, and under its lookup key when it has one. Entries never
 * expire (the gate finds products by them); who must be current looks at read_at. */
enum result store_price_write(struct store *store, const struct site *site,
    const struct store_price *price);

/* All of a site's prices; the caller frees *prices. */
enum result store_prices_read(struct store *store, const struct site *site,
    struct store_price **prices, size_t *n_prices);

#endif
