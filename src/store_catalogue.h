/* What prices are, and what products give, as Stripe last said. */
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

/* Stored under the price id. Entries never
 * expire (the gate finds products by them); who must be current looks at read_at. */
enum result store_price_write(struct store *store, const struct site *site,
    const struct store_price *price);

/* All of a site's prices; the caller frees *prices. */
enum result store_prices_read(struct store *store, const struct site *site,
    struct store_price **prices, size_t *n_prices);

/* A product whose features are known, which may be none. */
struct store_product {
	char id[STRIPE_ID_SIZE];
	size_t n_features;
	char (*features)[LOOKUP_KEY_SIZE];
};

/* In the place of what was known of it. Kept, as prices are. */
enum result store_product_write(struct store *store, const struct site *site,
    const struct store_product *product);

/* All that are known; what cannot be read is left out whole. */
enum result store_products_read(struct store *store, const struct site *site,
    struct store_product **products, size_t *n_products);
void store_products_free(struct store_product *products, size_t n_products);

#endif
