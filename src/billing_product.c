#include "billing_product.h"

#include <stdlib.h>
#include <string.h>

#include "store_catalogue.h"
#include "stripe_entitlement.h"

static int compare(const void *left, const void *right)
{
	return strcmp(left, right);
}

static enum result remember(const struct billing *billing, struct store_product *product,
    struct problem *problem)
{
	qsort(product->features, product->n_features, sizeof(*product->features), compare);
	if (store_product_write(billing->store, billing->site, product) != RESULT_OK)
		return problem_store(problem);
	return RESULT_OK;
}

/* Each has the time of a request for itself: nobody waits for all of them. */
static enum result read_product(const struct billing *billing, const char *id,
    struct problem *problem)
{
	struct store_product product = { 0 };
	enum result result;

	memcpy(product.id, id, strlen(id) + 1);
	stripe_begin(billing->stripe);
	result = stripe_product_feature_list(billing->stripe, billing->site, id, &product.features,
	    &product.n_features, problem);
	if (result == RESULT_OK)
		result = remember(billing, &product, problem);
	free(product.features);
	return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Plans may be prices of one product. */
static bool is_first_of_product(const struct store_price *prices, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(prices[i].product, prices[index].product) == 0)
			return false;
	return true;
}

enum result billing_product_refresh(const struct billing *billing, struct problem *problem)
{
	struct store_price *prices = NULL;
	size_t n_prices = 0;
	enum result result = RESULT_OK;

	if (store_prices_read(billing->store, billing->site, &prices, &n_prices) != RESULT_OK)
		return problem_store(problem);
	for (size_t i = 0; i < n_prices && result == RESULT_OK; i++)
		if (is_first_of_product(prices, i))
			result = read_product(billing, prices[i].product, problem);
	free(prices);
	if (result == RESULT_UPSTREAM && strcmp(problem->code, "stripe_refused") == 0)
		return RESULT_OK;
	return result;
}
