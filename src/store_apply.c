#include "store_apply.h"

#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply_lua.h"
#include "identity.h"
#include "json_write.h"
#include "store_reply.h"
#include "store_session.h"

#define NOTICE_AGE_MAX (3 * 86400)  /* no notice is made from anything older */
#define KEEP_BEHIND_PERIOD (40 * 86400)
#define HASH_SIZE 65

static const struct store_script apply_script = { "apply", apply_lua };

static const char *const dirty_words[] = {
	[DIRTY_ALWAYS] = "always",
	[DIRTY_UNLESS_STORED] = "unless_stored",
	[DIRTY_IF_FIRST_PAYMENT_OPEN] = "if_first_payment_open",
	[DIRTY_IF_FIRST_PAYMENT_BEGINS] = "if_first_payment_begins",
};

/* Each adds nothing for a value that is not set, and is false when out of memory. */
static bool add_integer(struct json_object *object, const char *name, int64_t value)
{
	return value == 0 || json_add_integer(object, name, value);
}

static bool add_flag(struct json_object *object, const char *name, bool value)
{
	return !value || json_add_truth(object, name, true);
}

static bool add_subscription(struct json_object *object, const char *name,
    const struct subscription *subscription)
{
	char *json = subscription ? subscription_encode(subscription) : NULL;
	bool added = json && json_add_text_if_any(object, name, json);

	free(json);
	return added || !subscription;
}

static bool may_end_unpaid(const struct subscription *subscription)
{
	return subscription->status == SUBSCRIPTION_CANCELED && !subscription->send_invoice
	    && subscription_debit_may_run(subscription, subscription->ended_at);
}

static bool snapshot_encode(struct json_object *object, const struct store_change *change,
    const struct store_snapshot *snapshot)
{
	const struct subscription *subscription = snapshot->subscription;
	enum subscription_rank rank = subscription_rank(subscription->status);
	int64_t keep_until = subscription_period_end(subscription) + KEEP_BEHIND_PERIOD;
	bool young = change->now - subscription->created <= NOTICE_AGE_MAX;

	return json_add_text_if_any(object, "id", subscription->id)
	    && add_subscription(object, "json", subscription)
	    && add_subscription(object, "before", snapshot->before)
	    && json_add_integer(object, "rank", rank)
	    && json_add_integer(object, "created", subscription->created)
	    && json_add_text_if_any(object, "status", subscription_status_str(subscription->status))
	    && add_flag(object, "simulated", subscription->simulated)
	    && add_flag(object, "young", young || subscription->simulated)
	    && add_flag(object, "past_due", subscription->status == SUBSCRIPTION_PAST_DUE)
	    && add_integer(object, "past_due_since", snapshot->past_due_since)
	    && json_add_text_if_any(object, "first_payment", first_payment_str(snapshot->first_payment))
	    && add_flag(object, "may_end_unpaid", may_end_unpaid(subscription))
	    && add_integer(object, "keep_until", keep_until)
	    && add_flag(object, "has_payment_method", snapshot->has_payment_method)
	    && json_add_text_if_any(object, "reason", snapshot->reason);
}

/* The key that remembers that a notice was made. */
static bool add_once(struct json_object *object, const struct site *site,
    const struct store_notice *notice)
{
	char id[STRIPE_ID_SIZE + 64], key[STORE_KEY_SIZE];
	int length;

	if (!notice->once)
		return true;
	length = snprintf(id, sizeof(id), "%s-%s", notice->once, notice->type);
	return length > 0 && (size_t)length < sizeof(id) && store_key(key, site, "notice", id)
	    && json_add_text_if_any(object, "once", key);
}

static bool notice_encode(struct json_object *object, const struct site *site,
    const struct store_notice *notice)
{
	return json_add_text_if_any(object, "type", notice->type)
	    && json_add_text_if_any(object, "data", notice->data)
	    && add_flag(object, "only_unlinked", notice->only_unlinked)
	    && json_add_text_if_any(object, "until_read", notice->until_read)
	    && add_once(object, site, notice);
}

/* A new object at the end of the array; NULL when out of memory. */
static struct json_object *array_object(struct json_object *array)
{
	struct json_object *object = json_object_new_object();

	return json_append(array, object) ? object : NULL;
}

static bool add_snapshots(struct json_object *object, const struct store_change *change)
{
	struct json_object *array = json_object_new_array();

	if (!json_add(object, "snapshots", array))
		return false;
	for (size_t i = 0; i < change->n_snapshots; i++) {
		struct json_object *entry = array_object(array);

		if (!entry || !snapshot_encode(entry, change, &change->snapshots[i]))
			return false;
	}
	return true;
}

static bool add_notices(struct json_object *object, const struct site *site,
    const struct store_change *change)
{
	struct json_object *array = json_object_new_array();

	if (!json_add(object, "notices", array))
		return false;
	for (size_t i = 0; i < change->n_notices; i++) {
		struct json_object *entry = array_object(array);

		if (!entry || !notice_encode(entry, site, &change->notices[i]))
			return false;
	}
	return true;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As a JSON text, sorted: in what order Stripe lists features is no difference. */
static bool add_features(struct json_object *object, const struct store_change *change)
{
	const char **sorted = calloc(change->n_features + 1, sizeof(*sorted));
	struct json_object *array = json_object_new_array();
	bool added = false;

	if (!sorted || !array)
		goto out;
	for (size_t i = 0; i < change->n_features; i++)
		sorted[i] = change->features[i];
	qsort(sorted, change->n_features, sizeof(*sorted), compare_words);
	for (size_t i = 0; i < change->n_features; i++) {
		if (!json_append(array, json_object_new_string(sorted[i])))
			goto out;
	}
	added = json_add_text(object, "features", json_write(array));
out:
	json_object_put(array);
	free(sorted);
	return added;
}

static bool add_paid(struct json_object *object, const struct store_change *change)
{
	struct json_object *paid;

	if (!change->paid_invoice_subscription)
		return true;
	paid = json_object_new_object();
	return json_add(object, "paid", paid)
	    && json_add_text_if_any(paid, "subscription", change->paid_invoice_subscription)
	    && json_add_text_if_any(paid, "state", first_payment_str(change->first_payment));
}

static bool is_told(const struct store_change *change)
{
	bool simulated = false;

	for (size_t i = 0; i < change->n_snapshots; i++)
		simulated |= change->snapshots[i].subscription->simulated;
	return simulated || change->now - change->as_of <= NOTICE_AGE_MAX;
}

/* What a customer is needed for is left out without one. */
static bool add_customer(struct json_object *object, const struct store_change *change)
{
	if (!change->customer)
		return true;
	return json_add_text_if_any(object, "customer", change->customer)
	    && add_flag(object, "customer_created", change->customer_created)
	    && add_flag(object, "customer_deleted", change->customer_deleted)
	    && (!change->email || json_add_text(object, "email", change->email))
	    && json_add_text_if_any(object, "link_user", change->link_user)
	    && add_paid(object, change)
	    && (!change->has_features || add_features(object, change))
	    && json_add_text_if_any(object, "dirty", dirty_words[change->dirty])
	    && json_add_text_if_any(object, "dirty_subscription", change->dirty_subscription);
}

static bool change_encode(struct json_object *object, const struct site *site,
    const struct store_change *change)
{
	return json_add_text_if_any(object, "event", change->event_id)
	    && json_add_integer(object, "as_of", change->as_of)
	    && json_add_integer(object, "now", change->now)
	    && add_flag(object, "reading", change->reading)
	    && json_add_integer(object, "generation", change->generation)
	    && json_add_integer(object, "started_at", change->started_at)
	    && json_add_integer(object, "read_until", change->read_until)
	    && add_flag(object, "told", is_told(change))
	    && json_add_text_if_any(object, "finalize", change->finalize_invoice)
	    && add_snapshots(object, change)
	    && add_notices(object, site, change)
	    && add_customer(object, change);
}

/* In the order of apply.lua; the keys of what is not set are named, but not used. */
enum { KEY_EVENT, KEY_CUSTOMER, KEY_DIRTY, KEY_NOTICES, KEY_COUNTERS, KEY_USER, KEY_INVOICES,
	KEY_RENEWALS, N_KEYS };

static bool keys_make(char keys[N_KEYS][STORE_KEY_SIZE], const struct site *site,
    const struct store_change *change)
{
	char hash[HASH_SIZE];

	if (change->link_user && !identity_user_hash(change->link_user, hash))
		return false;
	return store_key(keys[KEY_EVENT], site, "event", change->event_id)
	    && store_key(keys[KEY_CUSTOMER], site, "customer", change->customer)
	    && store_key(keys[KEY_DIRTY], site, "dirty", NULL)
	    && store_key(keys[KEY_NOTICES], site, "notices", NULL)
	    && store_key(keys[KEY_COUNTERS], site, "counters", NULL)
	    && store_key(keys[KEY_USER], site, "user", change->link_user ? hash : NULL)
	    && store_key(keys[KEY_INVOICES], site, "invoices", NULL)
	    && store_key(keys[KEY_RENEWALS], site, "renewals", NULL);
}

static bool applied_parse(const redisReply *reply, enum store_applied *applied)
{
	static const char *const words[] = {
		[APPLIED] = "applied",
		[APPLIED_SAME] = "same",
		[APPLIED_SEEN] = "seen",
		[APPLIED_STALE] = "stale",
		[APPLIED_MOVED] = "moved",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, words[i]) == 0) {
			*applied = (enum store_applied)i;
			return true;
		}
	}
	return false;
}

static enum result apply_run(struct store *store, const struct site *site,
    const struct store_change *change, const char *json, enum store_applied *applied)
{
	char keys[N_KEYS][STORE_KEY_SIZE];
	const char *argv[N_KEYS + 1];
	struct redisReply *reply;
	enum result result;

	if (!json || !keys_make(keys, site, change))
		return RESULT_INTERNAL;
	for (size_t i = 0; i < N_KEYS; i++)
		argv[i] = keys[i];
	argv[N_KEYS] = json;
	result = store_script_run(store, site, &apply_script, N_KEYS, N_KEYS + 1, argv, &reply);
	if (result != RESULT_OK)
		return result;
	if (!applied_parse(reply, applied))
		result = store_reply_unexpected(site, apply_script.name);
	store_reply_free(reply);
	return result;
}

enum result store_apply(struct store *store, const struct site *site,
    const struct store_change *change, enum store_applied *applied, struct problem *problem)
{
	struct json_object *object;
	enum result result = RESULT_OK;
	const char *text;

	/* Before the event counts as seen: a session may be written again. */
	if (change->session)
		result = store_session_write(store, site, change->session, change->now);
	if (result != RESULT_OK)
		return problem_store(problem);
	object = json_object_new_object();
	if (!change_encode(object, site, change) || !(text = json_write(object))) {
		json_object_put(object);
		return problem_memory(problem);
	}
	result = apply_run(store, site, change, text, applied);
	json_object_put(object);
	return result == RESULT_OK ? RESULT_OK : problem_store(problem);
}

void store_event_count(struct store *store, const struct site *site, const char *outcome)
{
	char key[STORE_KEY_SIZE];
	struct redisReply *reply;

	if (store_key(key, site, "counters", NULL)
	    && store_words(store, site, &reply, "HINCRBY", key, outcome, "1", NULL) == RESULT_OK)
		store_reply_free(reply);
}
