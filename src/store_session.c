#include "store_session.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_reply.h"

#define DAY 86400

/* The texts of a session, field by field; expires_at stands beside them. */
static const struct field {
	const char *name;
	size_t offset, size;
} fields[] = {
#define FIELD(name) \
	{ #name, offsetof(struct store_session, name), sizeof(((struct store_session *)0)->name) }
	FIELD(id),
	FIELD(user),
	FIELD(customer),
	FIELD(subscription),
	FIELD(status),
	FIELD(payment_status),
	FIELD(customer_email),
	FIELD(fingerprint),
#undef FIELD
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* KEYS: the session. ARGV: seconds to keep it, then fields and values. An event may be
 * late, or the same again: what has ended does not open, what was paid stays so. */
static const struct store_script write_script = { "session_write",
	"local first = { status = 'open', payment_status = 'unpaid' }\n"
	"for i = 2, #ARGV, 2 do\n"
	"	local field, value = ARGV[i], ARGV[i + 1]\n"
	"	if value ~= first[field] or not redis.call('HGET', KEYS[1], field) then\n"
	"		redis.call('HSET', KEYS[1], field, value)\n"
	"	end\n"
	"end\n"
	"if redis.call('TTL', KEYS[1]) < tonumber(ARGV[1]) then\n"
	"	redis.call('EXPIRE', KEYS[1], ARGV[1])\n"
	"end\n"
	"return 1\n" };

static const struct field *field_named(const char *name)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}

static void field_read(struct store_session *session, const char *name, const redisReply *value)
{
	const struct field *field = field_named(name);

	if (field && value->len < field->size)
		memcpy((char *)session + field->offset, value->str, value->len + 1);
	else if (strcmp(name, "expires_at") == 0)
		session->expires_at = store_number_parse(value->str);
}

enum result store_session_read(struct store *store, const struct site *site, const char *id,
    struct store_session *session)
{
	struct store_session found = { 0 };
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "session", id))
		return RESULT_NOT_FOUND;
	result = store_words(store, site, &reply, "HGETALL", key, NULL);
	if (result != RESULT_OK)
		return result;
	result = store_reply_is_hash(reply) ? RESULT_OK : store_reply_unexpected(site, "HGETALL");
	for (size_t i = 0; i < reply->elements && result == RESULT_OK; i += 2)
		field_read(&found, reply->element[i]->str, reply->element[i + 1]);
	store_reply_free(reply);
	if (result != RESULT_OK)
		return result;
	if (!found.id[0])
		return RESULT_NOT_FOUND;
	*session = found;
	return RESULT_OK;
}

enum result store_session_write(struct store *store, const struct site *site,
    const struct store_session *session, int64_t now)
{
	const char *argv[2 + 2 * (N_FIELDS + 1)];
	int64_t until = (session->expires_at > now ? session->expires_at : now) + DAY;
	char key[STORE_KEY_SIZE], keep[24], expires_at[24];
	size_t argc = 0;
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "session", session->id))
		return RESULT_INTERNAL;
	snprintf(keep, sizeof(keep), "%" PRId64, until - now);
	snprintf(expires_at, sizeof(expires_at), "%" PRId64, session->expires_at);
	argv[argc++] = key;
	argv[argc++] = keep;
	for (size_t i = 0; i < N_FIELDS; i++) {
		const char *value = (const char *)session + fields[i].offset;

		if (!value[0])
			continue;
		argv[argc++] = fields[i].name;
		argv[argc++] = value;
	}
	if (session->expires_at) {
		argv[argc++] = "expires_at";
		argv[argc++] = expires_at;
	}
	result = store_script_run(store, site, &write_script, 1, argc, argv, &reply);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}

enum result store_session_open_read(struct store *store, const struct site *site,
    const char *user_hash, char id[STRIPE_ID_SIZE])
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "open_session", user_hash))
		return RESULT_INTERNAL;
	result = store_words(store, site, &reply, "GET", key, NULL);
	if (result != RESULT_OK)
		return result;
	id[0] = '\0';
	if (reply->type == REDIS_REPLY_STRING && reply->len < STRIPE_ID_SIZE)
		memcpy(id, reply->str, reply->len + 1);
	store_reply_free(reply);
	return RESULT_OK;
}

enum result store_session_open_write(struct store *store, const struct site *site,
    const char *user_hash, const char *id, int64_t expires_at)
{
	char key[STORE_KEY_SIZE], until[24];
	struct redisReply *reply;
	enum result result;

	if (!store_key(key, site, "open_session", user_hash))
		return RESULT_INTERNAL;
	snprintf(until, sizeof(until), "%" PRId64, expires_at);
	if (id[0])
		result = store_words(store, site, &reply, "SET", key, id, "EXAT", until, NULL);
	else
		result = store_words(store, site, &reply, "DEL", key, NULL);
	if (result == RESULT_OK)
		store_reply_free(reply);
	return result;
}
