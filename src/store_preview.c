#include "store_preview.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define KEPT_SECONDS "900"

enum result store_preview_write(struct store *store, const struct site *site, const char *digest)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "preview", digest))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "SET", key, "", "EX", KEPT_SECONDS, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_preview_wait(struct store *store, const struct site *site, const char *digest,
    const char *invoice)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "preview", digest))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "SET", key, invoice, "XX", "KEEPTTL", NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_preview_read(struct store *store, const struct site *site, const char *digest,
    char invoice[STRIPE_ID_SIZE])
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "preview", digest))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "GET", key, NULL);
	if (result != RESULT_OK)
		return result;
	if (reply->type == REDIS_REPLY_STRING && reply->len < STRIPE_ID_SIZE)
		memcpy(invoice, reply->str, reply->len + 1);
	else
		result = RESULT_NOT_FOUND;
	store_reply_free(reply);
	return result;
}
