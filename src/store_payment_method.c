#include "store_payment_method.h"

#include <hiredis/hiredis.h>
#include <json-c/json.h>

#include "json_read.h"
#include "json_write.h"

#define KEEP_SECONDS "600" /* banks renew cards without an event of ours */

static enum result decode(const redisReply *reply, struct store_payment_method *method)
{
	struct json_object *object, *shown;

	if (reply->type != REDIS_REPLY_STRING)
		return RESULT_NOT_FOUND;
	object = json_parse_object(reply->str, reply->len);
	shown = json_at(object, "/shown");
	if (shown == NULL ||
	    !json_copy_text(object, "/customer", method->customer, sizeof(method->customer))) {
		json_object_put(object);
		return RESULT_NOT_FOUND;
	}
	method->generation = json_integer(object, "/generation");
	method->shown = json_object_get(shown);
	json_object_put(object);
	return RESULT_OK;
}

enum result store_payment_method_read(struct store *store, const struct site *site,
    const char *about, struct store_payment_method *method)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "payment_method", about))
		return RESULT_NOT_FOUND;
	result = store_words(store, site, &reply, "GET", key, NULL);
	if (result != RESULT_OK)
		return result;
	result = decode(reply, method);
	store_reply_free(reply);
	return result;
}

enum result store_payment_method_write(struct store *store, const struct site *site,
    const char *about, const struct store_payment_method *method)
{
	enum result result = RESULT_INTERNAL;
	struct json_object *object;
	struct redisReply *reply;
	char key[STORE_KEY_SIZE];
	const char *text;

	if (!store_key(key, site, "payment_method", about))
		return RESULT_INTERNAL;
	object = json_object_new_object();
	json_add_text(object, "customer", method->customer);
	json_add_integer(object, "generation", method->generation);
	json_add_read(object, "shown", method->shown);
	text = json_write(object);
	if (text != NULL)
		result = store_words(store, site, &reply, "SET", key, text, "EX", KEEP_SECONDS, NULL);
	json_object_put(object);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}
