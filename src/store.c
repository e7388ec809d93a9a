#include "store.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "store_connection.h"

#define ARGUMENTS_MAX 64
#define DIGEST_SIZE 41

struct digest {
	const struct store_script *script;
	char hex[DIGEST_SIZE];
};

struct store {
	struct digest *digests;
	size_t n_digests;
	size_t n_connections;
	struct store_connection connections[];
};

struct store *store_new(const struct settings *settings)
{
	struct store *store = calloc(1,
	    sizeof(*store) + settings->n_redis * sizeof(store->connections[0]));

	if (!store)
		return NULL;
	for (size_t i = 0; i < settings->n_redis; i++) {
		if (!store_connection_init(&store->connections[i], settings->redis[i], i)) {
			store_free(store);
			return NULL;
		}
		store->n_connections++;
	}
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->n_connections; i++)
		store_connection_close(&store->connections[i]);
	free(store->digests);
	free(store);
}

enum result store_command(struct store *store, const struct site *site, size_t argc,
    const char **argv, const size_t *lengths, struct redisReply **reply)
{
	struct store_connection *connection = &store->connections[site->redis_index];
	redisReply *raw;
	enum result result = store_connection_ask(connection, argc, argv, lengths, &raw);

	return result == RESULT_OK ? store_connection_judge(connection, raw, reply) : result;
}

enum result store_words(struct store *store, const struct site *site, struct redisReply **reply, ...)
{
	const char *argv[ARGUMENTS_MAX];
	size_t argc = 0;
	va_list words;

	va_start(words, reply);
	while (argc < ARGUMENTS_MAX && (argv[argc] = va_arg(words, const char *)))
		argc++;
	va_end(words);
	if (argc == ARGUMENTS_MAX)
		return RESULT_INTERNAL;
	return store_command(store, site, argc, argv, NULL, reply);
}

bool store_locked_out(const struct store *store, const struct site *site)
{
	return store_connection_locked_out(&store->connections[site->redis_index]);
}

void store_reply_free(struct redisReply *reply)
{
	freeReplyObject(reply);
}

/* SHA-1 is Redis' name for a script's text, nothing that protects. */
static bool digest_make(const char *text, char hex[DIGEST_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned length;

	if (!EVP_Digest(text, strlen(text), bytes, &length, EVP_sha1(), NULL))
		return false;
	hex_encode(hex, bytes, length);
	return true;
}

static const char *script_digest(struct store *store, const struct store_script *script)
{
	struct digest *grown;

	for (size_t i = 0; i < store->n_digests; i++) {
		if (store->digests[i].script == script)
			return store->digests[i].hex;
	}
	grown = realloc(store->digests, (store->n_digests + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	store->digests = grown;
	grown += store->n_digests;
	if (!digest_make(script->text, grown->hex))
		return NULL;
	grown->script = script;
	store->n_digests++;
	return grown->hex;
}

enum result store_script_run(struct store *store, const struct site *site,
    const struct store_script *script, size_t n_keys, size_t argc, const char **argv,
    struct redisReply **reply)
{
	struct store_connection *connection = &store->connections[site->redis_index];
	const char *words[ARGUMENTS_MAX] = { "EVALSHA", script_digest(store, script) };
	char key_count[24];
	redisReply *raw;
	enum result result;

	if (!words[1] || argc + 3 > ARGUMENTS_MAX)
		return RESULT_INTERNAL;
	snprintf(key_count, sizeof(key_count), "%zu", n_keys);
	words[2] = key_count;
	memcpy(words + 3, argv, argc * sizeof(*argv));
	result = store_connection_ask(connection, argc + 3, words, NULL, &raw);
	if (result == RESULT_OK && raw->type == REDIS_REPLY_ERROR && store_error_is(raw, "NOSCRIPT ")) {
		freeReplyObject(raw);
		words[0] = "EVAL";
		words[1] = script->text;
		result = store_connection_ask(connection, argc + 3, words, NULL, &raw);
	}
	return result == RESULT_OK ? store_connection_judge(connection, raw, reply) : result;
}

bool store_key(char key[STORE_KEY_SIZE], const struct site *site, const char *noun, const char *id)
{
	int length = snprintf(key, STORE_KEY_SIZE, STORE_KEY_BEGIN "%s}:%s%s%s", site->name, noun,
	    id ? ":" : "", id ? id : "");

	return length > 0 && length < STORE_KEY_SIZE;
}
