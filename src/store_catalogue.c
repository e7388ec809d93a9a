#include "store_catalogue.h"

#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "store_reply.h"

/* The caller's: json_object_put. */
static struct json_object *price_encode(const struct store_price *price)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "id", price->id);
	json_add_text(object, "product", price->product);
	json_add_text(object, "lookup_key", price->lookup_key);
	json_add_text(object, "currency", price->currency);
	json_add_text(object, "interval", price->interval);
	json_add_integer(object, "unit_amount", price->unit_amount);
	json_add_integer(object, "read_at", price->read_at);
	json_add_truth(object, "active", price->active);
	return object;
}

static bool price_decode(const redisReply *reply, struct store_price *price)
{
	struct json_object *object = json_parse_object(reply->str, reply->len);
	bool whole;

	*price = (struct store_price){ 0 };
	whole = object && json_copy_text(object, "/id", price->id, sizeof(price->id))
	    && json_copy_text(object, "/product", price->product, sizeof(price->product))
	    && json_copy_text(object, "/lookup_key", price->lookup_key, sizeof(price->lookup_key))
	    && json_copy_text(object, "/currency", price->currency, sizeof(price->currency))
	    && json_copy_text(object, "/interval", price->interval, sizeof(price->interval));
	if (whole) {
		price->unit_amount = json_integer(object, "/unit_amount");
		price->active = json_truth(object, "/active");
		price->read_at = json_integer(object, "/read_at");
	}
	json_object_put(object);
	return whole;
}

/* Takes over `value`, which may be NULL for want of memory. */
static enum result hash_write(struct store *store, const struct site *site, const char *key,
    const char *id, struct json_object *value)
{
	const char *json = json_write(value);
	struct redisReply *reply;
	enum result result = RESULT_INTERNAL;

	if (json)
		result = store_words(store, site, &reply, "HSET", key, id, json, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	json_object_put(value);
	return result;
}

enum result store_price_write(struct store *store, const struct site *site,
    const struct store_price *price)
{
	char key[STORE_KEY_SIZE];

	if (!store_key(key, site, "price", NULL))
		return RESULT_INTERNAL;
	return hash_write(store, site, key, price->id, price_encode(price));
}

static size_t prices_decode(const redisReply *reply, struct store_price *prices)
{
	size_t count = 0;

	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		struct store_price *price = &prices[count];

		if (price_decode(reply->element[i + 1], price)
		    && strcmp(price->id, reply->element[i]->str) == 0)
			count++;
	}
	return count;
}

/* The caller's: store_reply_free. */
static enum result hash_read(struct store *store, const struct site *site, const char *key,
    struct redisReply **reply)
{
	enum result result = store_words(store, site, reply, "HGETALL", key, NULL);

	if (result != RESULT_OK || store_reply_is_hash(*reply))
		return result;
	store_reply_free(*reply);
	return store_reply_unexpected(site, "HGETALL");
}

enum result store_prices_read(struct store *store, const struct site *site,
    struct store_price **prices, size_t *n_prices)
{
	char key[STORE_KEY_SIZE];
	struct store_price *found;
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "price", NULL))
		return RESULT_INTERNAL;
	result = hash_read(store, site, key, &reply);
	if (result != RESULT_OK)
		return result;
	found = calloc(reply->elements / 2 + 1, sizeof(*found));
	if (found) {
		*n_prices = prices_decode(reply, found);
		*prices = found;
	} else {
		result = RESULT_INTERNAL;
	}
	store_reply_free(reply);
	return result;
}

enum result store_product_write(struct store *store, const struct site *site,
    const struct store_product *product)
{
	struct json_object *array = json_object_new_array();
	bool whole = array != NULL;
	char key[STORE_KEY_SIZE];

	for (size_t i = 0; i < product->n_features && whole; i++)
		whole = json_append(array, json_object_new_string(product->features[i]));
	if (whole && store_key(key, site, "product_features", NULL))
		return hash_write(store, site, key, product->id, array);
	json_object_put(array);
	return RESULT_INTERNAL;
}

static bool feature_copy(struct json_object *value, char feature[LOOKUP_KEY_SIZE])
{
	const char *key = json_object_get_string(value);
	size_t length = json_object_is_type(value, json_type_string) ? strlen(key) : LOOKUP_KEY_SIZE;

	if (length >= LOOKUP_KEY_SIZE)
		return false;
	memcpy(feature, key, length + 1);
	return true;
}

/* False for what store_product_write did not write: half of it would be taken for all. */
static bool features_decode(struct json_object *array, struct store_product *product)
{
	size_t count = json_length(array);

	if (!json_object_is_type(array, json_type_array))
		return false;
	product->features = calloc(count + 1, sizeof(*product->features));
	if (!product->features)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (feature_copy(json_object_array_get_idx(array, i), product->features[i]))
			continue;
		free(product->features);
		return false;
	}
	product->n_features = count;
	return true;
}

static bool product_decode(const redisReply *id, const redisReply *features,
    struct store_product *product)
{
	struct json_object *array = json_tokener_parse(features->str);
	bool whole;

	*product = (struct store_product){ 0 };
	whole = id->len < sizeof(product->id) && features_decode(array, product);
	if (whole)
		memcpy(product->id, id->str, id->len + 1);
	json_object_put(array);
	return whole;
}

enum result store_products_read(struct store *store, const struct site *site,
    struct store_product **products, size_t *n_products)
{
	char key[STORE_KEY_SIZE];
	struct store_product *found;
	struct redisReply *reply;
	enum result result;
	size_t count = 0;

	if (!store_key(key, site, "product_features", NULL))
		return RESULT_INTERNAL;
	result = hash_read(store, site, key, &reply);
	if (result != RESULT_OK)
		return result;
	found = calloc(reply->elements / 2 + 1, sizeof(*found));
	for (size_t i = 0; found && i + 1 < reply->elements; i += 2)
		if (product_decode(reply->element[i], reply->element[i + 1], &found[count]))
			count++;
	store_reply_free(reply);
	if (!found)
		return RESULT_INTERNAL;
	*products = found;
	*n_products = count;
	return RESULT_OK;
}

void store_products_free(struct store_product *products, size_t n_products)
{
	for (size_t i = 0; i < n_products; i++)
		free(products[i].features);
	free(products);
}
