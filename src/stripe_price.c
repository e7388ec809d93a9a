#include "stripe_price.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "json_read.h"

static bool decode(struct json_object *object, struct stripe_price *price)
{
	*price = (struct stripe_price){ 0 };
	price->unit_amount = json_integer(object, "/unit_amount");
	price->active = json_truth(object, "/active");
	return json_copy_text(object, "/id", price->id, sizeof(price->id)) && price->id[0] != '\0' &&
	    json_copy_id(object, "/product", price->product, sizeof(price->product)) &&
	    json_copy_text(object, "/lookup_key", price->lookup_key, sizeof(price->lookup_key)) &&
	    json_copy_text(object, "/currency", price->currency, sizeof(price->currency)) &&
	    json_copy_text(object, "/recurring/interval", price->interval, sizeof(price->interval));
}

enum result stripe_price_retrieve(struct stripe *stripe, const struct site *site, const char *id,
    struct stripe_price *price, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (!stripe_path(path, "/v1/prices/", id, NULL))
		return problem_set(problem, RESULT_NOT_FOUND, "resource_missing", "price",
		    "There is no such price.");
	result = stripe_call(stripe, site, "GET", path, NULL, NULL, &answer, problem);
	if (result == RESULT_OK && !decode(answer.object, price))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

static enum result decode_list(struct json_object *list, struct stripe_price **prices,
    size_t *n_prices, struct problem *problem)
{
	struct json_object *data = json_at(list, "/data");
	size_t i, count = json_object_array_length(data);
	struct stripe_price *found = calloc(count + 1, sizeof(*found));

	if (found == NULL)
		return problem_memory(problem);
	for (i = 0; i < count; i++) {
		if (decode(json_object_array_get_idx(data, i), &found[i]))
			continue;
		free(found);
		return stripe_unexpected(problem);
	}
	*prices = found;
	*n_prices = count;
	return RESULT_OK;
}

static enum result list(struct stripe *stripe, const struct site *site, struct form *form,
    struct stripe_price **prices, size_t *n_prices, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "active", "true");
	form_add(form, "limit", "100");
	result = stripe_list(stripe, site, "/v1/prices", form, &answer, problem);
	if (result == RESULT_OK)
		result = decode_list(answer.object, prices, n_prices, problem);
	json_object_put(answer.object);
	return result;
}

enum result stripe_price_list_by_lookup_keys(struct stripe *stripe, const struct site *site,
    const char *const *lookup_keys, size_t n_lookup_keys, struct stripe_price **prices,
    size_t *n_prices, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;
	size_t i;

	for (i = 0; form != NULL && i < n_lookup_keys; i++)
		form_addf(form, lookup_keys[i], "lookup_keys[%zu]", i);
	result = list(stripe, site, form, prices, n_prices, problem);
	form_free(form);
	return result;
}

enum result stripe_price_list_by_product(struct stripe *stripe, const struct site *site,
    const char *product, struct stripe_price **prices, size_t *n_prices, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form != NULL) {
		form_add(form, "product", product);
		form_add(form, "type", "recurring");
	}
	result = list(stripe, site, form, prices, n_prices, problem);
	form_free(form);
	return result;
}

enum result stripe_promotion_code_find(struct stripe *stripe, const struct site *site,
    const char *code, char id[STRIPE_ID_SIZE], struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "code", code);
	form_add(form, "active", "true");
	form_add(form, "limit", "1");
	result = stripe_list(stripe, site, "/v1/promotion_codes", form, &answer, problem);
	if (result == RESULT_OK && (!json_copy_text(answer.object, "/data/0/id", id, STRIPE_ID_SIZE) ||
	    id[0] == '\0'))
		result = problem_set(problem, RESULT_NOT_FOUND, "promotion_code_unknown", NULL,
		    "There is no such promotion code.");
	json_object_put(answer.object);
	form_free(form);
	return result;
}
