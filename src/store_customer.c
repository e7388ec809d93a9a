#include "store_customer.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access_lua.h"
#include "identity.h"
#include "json_read.h"
#include "log.h"
#include "store_reply.h"

#define NONE_SECONDS 600
#define LOG_SECONDS 60

static const struct store_script access_script = { "access", access_lua };

/* KEYS: user:HASH, customer:ID. ARGV: customer, user, now.
 * The first link's time stays, and what only "no customer" let expire is kept again. */
static const struct store_script link_script = { "link",
	"local owner = redis.call('HGET', KEYS[2], 'user')\n"
	"if owner and owner ~= ARGV[2] then return 0 end\n"
	"redis.call('HSET', KEYS[2], 'user', ARGV[2], 'user_hash', string.match(KEYS[1], '[^:]*$'))\n"
	"redis.call('HSETNX', KEYS[1], 'customer:' .. ARGV[1], ARGV[3])\n"
	"redis.call('HDEL', KEYS[1], 'none_until')\n"
	"redis.call('PERSIST', KEYS[1])\n"
	"return 1\n" };

/* KEYS: user:HASH. ARGV: until when. A user without any link need not be kept longer. */
static const struct store_script none_script = { "none",
	"redis.call('HSET', KEYS[1], 'none_until', ARGV[1])\n"
	"if redis.call('HLEN', KEYS[1]) == 1 then redis.call('EXPIREAT', KEYS[1], ARGV[1]) end\n"
	"return 1\n" };

static const char subscription_prefix[] = "subscription:";

/* HGETALL gives fields and values by turns: a pair, by the name of its field. */
#define PAIR_SIZE (2 * sizeof(redisReply *))

static int compare_pairs(const void *a, const void *b)
{
	const redisReply *const *one = a, *const *other = b;

	return strcmp((*one)->str, (*other)->str);
}

/* A customer may have many subscriptions, and each has fields of its own. */
static void hash_sort(const redisReply *hash)
{
	if (hash->elements > 0)
		qsort(hash->element, hash->elements / 2, PAIR_SIZE, compare_pairs);
}

struct field_name {
	const char *prefix, *id;
};

static int compare_name(const void *key, const void *pair)
{
	const struct field_name *name = key;
	const redisReply *const *field = pair;
	size_t length = strlen(name->prefix);
	int order = strncmp(name->prefix, (*field)->str, length);

	return order != 0 ? order : strcmp(name->id, (*field)->str + length);
}

/* The value of field prefix + id of a hash that was sorted, or NULL. */
static const char *hash_value(const redisReply *hash, const char *prefix, const char *id)
{
	const struct field_name name = { prefix, id };
	redisReply **pair = NULL;

	if (hash->elements > 0)
		pair = bsearch(&name, hash->element, hash->elements / 2, PAIR_SIZE, compare_name);
	return pair ? pair[1]->str : NULL;
}

static int64_t hash_number(const redisReply *hash, const char *prefix, const char *id)
{
	const char *value = hash_value(hash, prefix, id);

	return value ? store_number_parse(value) : 0;
}

/* The id of a field that holds a snapshot, or NULL. */
static const char *subscription_of(const redisReply *field)
{
	size_t length = sizeof(subscription_prefix) - 1;

	return strncmp(field->str, subscription_prefix, length) == 0 ? field->str + length : NULL;
}

/* Once a minute: who waits for a better record reads this one again and again. */
static void log_unreadable(const char *id)
{
	static _Atomic int64_t logged_at;
	int64_t before = atomic_load(&logged_at), now = time(NULL);

	if (now - before >= LOG_SECONDS && atomic_compare_exchange_strong(&logged_at, &before, now))
		log_event(LOG_LEVEL_ERROR, "stored subscription unreadable", "subscription", id, NULL);
}

/* A record that cannot be read is a miss: tollgate-sync writes it anew. */
static void read_record(const redisReply *hash, const char *id, const char *json,
    struct store_user *user)
{
	struct subscription_record *record = &user->records[user->n_records];

	if (!subscription_decode(json, &record->snapshot)) {
		log_unreadable(id);
		user->known = false;
		return;
	}
	record->as_of = hash_number(hash, "as_of:", id);
	record->past_due_since = hash_number(hash, "past_due_since:", id);
	record->first_payment = first_payment_parse(hash_value(hash, "first_payment:", id));
	user->n_records++;
}

static bool has_feature(const struct store_user *user, const char *key)
{
	for (size_t i = 0; i < user->n_features; i++)
		if (strcmp(user->features[i], key) == 0)
			return true;
	return false;
}

static void add_feature(struct store_user *user, struct json_object *value)
{
	const char *key = json_object_get_string(value);
	size_t length = json_object_is_type(value, json_type_string) ? strlen(key) : 0;

	if (length > 0 && length < LOOKUP_KEY_SIZE && !has_feature(user, key))
		memcpy(user->features[user->n_features++], key, length + 1);
}

/* Of what cannot be read none are taken, and it is a miss, as with a record. */
static enum result read_features(const char *json, struct store_user *user)
{
	struct json_object *array = json_tokener_parse(json);
	size_t count = json_length(array);
	void *grown = count ? reallocarray(user->features, user->n_features + count,
	    sizeof(*user->features)) : user->features;

	if (grown || count == 0) {
		user->features = grown;
		for (size_t i = 0; i < count; i++)
			add_feature(user, json_object_array_get_idx(array, i));
	}
	if (!json_object_is_type(array, json_type_array))
		user->known = false;
	json_object_put(array);
	return grown || count == 0 ? RESULT_OK : RESULT_INTERNAL;
}

/* Without a generation nothing but a link is stored (never read, expired, flushed): a miss. */
static enum result read_customer(const char *name, const redisReply *hash,
    struct store_user *user)
{
	size_t length = strlen(name);
	const char *features;

	hash_sort(hash);
	features = hash_value(hash, "features", "");
	if (!hash_value(hash, "generation", ""))
		user->known = false;
	if (hash_value(hash, "deleted", "") || length >= STRIPE_ID_SIZE)
		return RESULT_OK;
	memcpy(user->customers[user->n_customers++], name, length + 1);
	for (size_t i = 0; i + 1 < hash->elements; i += 2) {
		const char *id = subscription_of(hash->element[i]);

		if (id)
			read_record(hash, id, hash->element[i + 1]->str, user);
	}
	return features ? read_features(features, user) : RESULT_OK;
}

static size_t count_records(const redisReply *hash)
{
	size_t count = 0;

	for (size_t i = 0; i + 1 < hash->elements; i += 2)
		count += subscription_of(hash->element[i]) != NULL;
	return count;
}

static bool make_room(struct store_user *user, size_t n_customers, size_t n_records)
{
	user->customers = malloc((n_customers + 1) * sizeof(*user->customers));
	user->records = malloc((n_records + 1) * sizeof(*user->records));
	return user->customers && user->records;
}

/* As access.lua returns it. */
static bool is_user(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 1 ||
	    reply->element[0]->type != REDIS_REPLY_STRING)
		return false;
	for (size_t i = 1; i < reply->elements; i += 2)
		if (reply->element[i]->type != REDIS_REPLY_STRING ||
		    !store_reply_is_hash(reply->element[i + 1]))
			return false;
	return true;
}

static enum result read_user(const redisReply *reply, struct store_user *user)
{
	size_t n_links = reply->elements / 2, n_records = 0;
	enum result result = RESULT_OK;

	user->known = n_links > 0 || store_number_parse(reply->element[0]->str) > time(NULL);
	for (size_t i = 1; i + 1 < reply->elements; i += 2)
		n_records += count_records(reply->element[i + 1]);
	if (!make_room(user, n_links, n_records))
		return RESULT_INTERNAL;
	for (size_t i = 1; i + 1 < reply->elements && result == RESULT_OK; i += 2)
		result = read_customer(reply->element[i]->str, reply->element[i + 1], user);
	return result;
}

enum result store_user_read(struct store *store, const struct site *site, const char *user_hash,
    struct store_user *user)
{
	char key[STORE_KEY_SIZE], prefix[STORE_KEY_SIZE];
	const char *argv[] = { key, prefix };
	struct store_user found = { 0 };
	struct redisReply *reply = NULL;
	enum result result = RESULT_INTERNAL;

	if (!store_key(key, site, "user", user_hash) || !store_key(prefix, site, "customer", ""))
		return RESULT_INTERNAL;
	result = store_script_run(store, site, &access_script, 1, 2, argv, &reply);
	if (result != RESULT_OK)
		return result;
	result = is_user(reply) ? read_user(reply, &found) : store_reply_unexpected(site, "access");
	store_reply_free(reply);
	if (result == RESULT_OK)
		*user = found;
	else
		store_user_free(&found);
	return result;
}

void store_user_free(struct store_user *user)
{
	free(user->customers);
	free(user->records);
	free(user->features);
	*user = (struct store_user){ 0 };
}

enum result store_customer_read(struct store *store, const struct site *site,
    const char *customer, int64_t *generation, struct store_user *held)
{
	struct store_user found = { .known = true };
	char key[STORE_KEY_SIZE];
	struct redisReply *reply = NULL;
	enum result result = RESULT_INTERNAL;

	if (!store_key(key, site, "customer", customer))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "HGETALL", key, NULL);
	if (result != RESULT_OK)
		return result;
	if (!store_reply_is_hash(reply))
		result = store_reply_unexpected(site, "HGETALL");
	else
		result = make_room(&found, 1, count_records(reply)) ?
		    read_customer(customer, reply, &found) : RESULT_INTERNAL;
	if (result == RESULT_OK) {
		*generation = hash_number(reply, "generation", "");
		*held = found;
	} else {
		store_user_free(&found);
	}
	store_reply_free(reply);
	return result;
}

static void write_number(char text[24], int64_t number)
{
	snprintf(text, 24, "%" PRId64, number);
}

enum result store_user_none_write(struct store *store, const struct site *site,
    const char *user_hash, int64_t now)
{
	char key[STORE_KEY_SIZE], until[24];
	const char *argv[] = { key, until };
	struct redisReply *reply = NULL;
	enum result result = RESULT_INTERNAL;

	if (!store_key(key, site, "user", user_hash))
		return RESULT_INTERNAL;
	write_number(until, now + NONE_SECONDS);
	result = store_script_run(store, site, &none_script, 1, 2, argv, &reply);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_customer_link(struct store *store, const struct site *site,
    const char *customer, const char *user, int64_t now)
{
	char user_key[STORE_KEY_SIZE], customer_key[STORE_KEY_SIZE], hash[65], when[24];
	const char *argv[] = { user_key, customer_key, customer, user, when };
	int64_t linked = 0;
	enum result result;

	if (!identity_user_hash(user, hash) || !store_key(user_key, site, "user", hash) ||
	    !store_key(customer_key, site, "customer", customer))
		return RESULT_INTERNAL;
	write_number(when, now);
	result = store_script_integer(store, site, &link_script, 2, 5, argv, &linked);
	if (result != RESULT_OK)
		return result;
	return linked ? RESULT_OK : RESULT_CONFLICT;
}

/* One field of a customer's hash; *reply is the caller's on RESULT_OK. */
static enum result customer_field(struct store *store, const struct site *site,
    const char *customer, const char *field, struct redisReply **reply)
{
	char key[STORE_KEY_SIZE];

	if (!store_key(key, site, "customer", customer))
		return RESULT_INTERNAL;
	return store_words(store, site, reply, "HGET", key, field, NULL);
}

enum result store_customer_user(struct store *store, const struct site *site,
    const char *customer, char user[IDENTITY_USER_MAX + 1])
{
	struct redisReply *reply = NULL;
	enum result result = customer_field(store, site, customer, "user", &reply);

	if (result != RESULT_OK)
		return result;
	user[0] = '\0';
	if (reply->type == REDIS_REPLY_STRING && reply->len <= IDENTITY_USER_MAX)
		memcpy(user, reply->str, reply->len + 1);
	store_reply_free(reply);
	return RESULT_OK;
}

enum result store_customer_email(struct store *store, const struct site *site,
    const char *customer, char email[EMAIL_SIZE])
{
	struct redisReply *reply = NULL;
	enum result result = customer_field(store, site, customer, "email", &reply);

	if (result != RESULT_OK)
		return result;
	email[0] = '\0';
	if (reply->type == REDIS_REPLY_STRING && reply->len < EMAIL_SIZE)
		memcpy(email, reply->str, reply->len + 1);
	store_reply_free(reply);
	return RESULT_OK;
}

enum result store_customer_generation(struct store *store, const struct site *site,
    const char *customer, int64_t *generation)
{
	struct redisReply *reply = NULL;
	enum result result = customer_field(store, site, customer, "generation", &reply);

	if (result != RESULT_OK)
		return result;
	*generation = reply->type == REDIS_REPLY_STRING ? store_number_parse(reply->str) : 0;
	store_reply_free(reply);
	return RESULT_OK;
}

/* The first who asks counts: the time of an open question never moves. */
static enum result ask(struct store *store, const struct site *site, const char *queue,
    const char *member, int64_t now)
{
	char key[STORE_KEY_SIZE], when[24];
	struct redisReply *reply = NULL;
	enum result result = RESULT_INTERNAL;

	if (!store_key(key, site, queue, NULL))
		return RESULT_INTERNAL;
	write_number(when, now);
	result = store_words(store, site, &reply, "ZADD", key, "NX", when, member, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_wish(struct store *store, const struct site *site, const char *user, int64_t now)
{
	return ask(store, site, "wishes", user, now);
}

enum result store_dirty(struct store *store, const struct site *site, const char *customer,
    int64_t now)
{
	return ask(store, site, "dirty", customer, now);
}
