#include "subscription.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* No bank debit is under way for longer: what is older was paid or has failed, and
 * Stripe's own status knows renewals. */
#define DEBIT_SECONDS (32 * 86400)

#if __has_attribute(uninitialized)
#define NOT_CLEARED __attribute__((uninitialized))
#else
#define NOT_CLEARED
#endif

static const struct {
	const char *word;
	enum subscription_rank rank;
	bool live;
} statuses[] = {
	[SUBSCRIPTION_UNKNOWN]            = { "unknown",            RANK_LIVING,     false },
	[SUBSCRIPTION_INCOMPLETE]         = { "incomplete",         RANK_INCOMPLETE, false },
	[SUBSCRIPTION_INCOMPLETE_EXPIRED] = { "incomplete_expired", RANK_FINAL,      false },
	[SUBSCRIPTION_TRIALING]           = { "trialing",           RANK_LIVING,     true },
	[SUBSCRIPTION_ACTIVE]             = { "active",             RANK_LIVING,     true },
	[SUBSCRIPTION_PAST_DUE]           = { "past_due",           RANK_LIVING,     true },
	[SUBSCRIPTION_UNPAID]             = { "unpaid",             RANK_LIVING,     true },
	[SUBSCRIPTION_PAUSED]             = { "paused",             RANK_LIVING,     true },
	[SUBSCRIPTION_CANCELED]           = { "canceled",           RANK_FINAL,      false },
};

static const char *const pause_words[] = {
	[COLLECTION_RUNS]               = "",
	[COLLECTION_MARK_UNCOLLECTIBLE] = "mark_uncollectible",
	[COLLECTION_VOID]               = "void",
	[COLLECTION_KEEP_AS_DRAFT]      = "keep_as_draft",
	[COLLECTION_UNKNOWN]            = "unknown",
};

static const char *const first_payment_words[] = {
	[FIRST_PAYMENT_UNKNOWN]    = "",
	[FIRST_PAYMENT_PROCESSING] = "processing",
	[FIRST_PAYMENT_FAILED]     = "failed",
	[FIRST_PAYMENT_PAID]       = "paid",
};

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG, FIELD_STATUS, FIELD_PAUSE };

/* A member of the JSON and where it stands in the struct; unset ones are left out. */
struct field {
	const char *name;
	enum field_kind kind;
	bool required;
	size_t offset;
	size_t size; /* of a text, terminator included */
};

#define TEXT(type, member, required) \
	{ #member, FIELD_TEXT, required, offsetof(struct type, member), \
	  sizeof(((struct type *)0)->member) }
#define OTHER(type, member, kind, required) \
	{ #member, kind, required, offsetof(struct type, member), 0 }

static const struct field subscription_fields[] = {
	TEXT(subscription, id, true),
	TEXT(subscription, customer, true),
	OTHER(subscription, status, FIELD_STATUS, true),
	TEXT(subscription, latest_invoice, false),
	OTHER(subscription, pause_collection, FIELD_PAUSE, false),
	OTHER(subscription, send_invoice, FIELD_FLAG, false),
	OTHER(subscription, cancel_at_period_end, FIELD_FLAG, false),
	OTHER(subscription, simulated, FIELD_FLAG, false),
	OTHER(subscription, setup_due, FIELD_FLAG, false),
	OTHER(subscription, created, FIELD_NUMBER, false),
	OTHER(subscription, trial_end, FIELD_NUMBER, false),
	OTHER(subscription, cancel_at, FIELD_NUMBER, false),
	OTHER(subscription, ended_at, FIELD_NUMBER, false),
};

static const struct field item_fields[] = {
	TEXT(subscription_item, id, true),
	TEXT(subscription_item, price, false),
	TEXT(subscription_item, product, false),
	TEXT(subscription_item, lookup_key, false),
	OTHER(subscription_item, quantity, FIELD_NUMBER, false),
	OTHER(subscription_item, current_period_end, FIELD_NUMBER, false),
};

const char *subscription_status_str(enum subscription_status status)
{
	return statuses[status].word;
}

enum subscription_status subscription_status_parse(const char *word)
{
	for (size_t i = 0; word && i < COUNT(statuses); i++)
		if (strcmp(word, statuses[i].word) == 0)
			return (enum subscription_status)i;
	return SUBSCRIPTION_UNKNOWN;
}

enum pause_collection pause_collection_parse(const char *word)
{
	for (size_t i = 0; i < COUNT(pause_words); i++)
		if (strcmp(word ? word : "", pause_words[i]) == 0)
			return (enum pause_collection)i;
	return COLLECTION_UNKNOWN;
}

const char *first_payment_str(enum first_payment state)
{
	return first_payment_words[state];
}

enum first_payment first_payment_parse(const char *word)
{
	for (size_t i = 0; word && i < COUNT(first_payment_words); i++)
		if (strcmp(word, first_payment_words[i]) == 0)
			return (enum first_payment)i;
	return FIRST_PAYMENT_UNKNOWN;
}

enum subscription_rank subscription_rank(enum subscription_status status)
{
	return statuses[status].rank;
}

bool subscription_live(enum subscription_status status)
{
	return statuses[status].live;
}

/* The first invoice of a trial was for nothing. */
bool subscription_debit_may_run(const struct subscription *subscription, int64_t time)
{
	return !subscription->trial_end && time < subscription->created + DEBIT_SECONDS;
}

int64_t subscription_period_end(const struct subscription *subscription)
{
	int64_t end = 0;

	for (size_t i = 0; i < subscription->n_items; i++)
		if (subscription->items[i].current_period_end > end)
			end = subscription->items[i].current_period_end;
	return end;
}

/* False when out of memory. */
static bool field_add(struct json_object *object, const struct field *field, const void *base)
{
	const char *at = (const char *)base + field->offset;
	struct json_object *value = NULL;
	const char *text = NULL;
	bool set = true;

	switch (field->kind) {
	case FIELD_TEXT:
		text = at;
		break;
	case FIELD_STATUS:
		text = statuses[*(const enum subscription_status *)at].word;
		break;
	case FIELD_PAUSE:
		text = pause_words[*(const enum pause_collection *)at];
		break;
	case FIELD_NUMBER:
		set = *(const int64_t *)at != 0;
		value = set ? json_object_new_int64(*(const int64_t *)at) : NULL;
		break;
	case FIELD_FLAG:
		set = *(const bool *)at;
		value = set ? json_object_new_boolean(1) : NULL;
		break;
	}
	if (text) {
		set = *text;
		value = set ? json_object_new_string(text) : NULL;
	}
	return !set || json_add(object, field->name, value);
}

static bool fields_add(struct json_object *object, const struct field *fields, size_t count,
    const void *base)
{
	for (size_t i = 0; i < count; i++)
		if (!field_add(object, &fields[i], base))
			return false;
	return true;
}

static int compare_items(const void *a, const void *b)
{
	const struct subscription_item *const *left = a, *const *right = b;

	return strcmp((*left)->id, (*right)->id);
}

/* Sorted by id: in what order Stripe lists items is no difference between snapshots. */
static bool items_add(struct json_object *object, const struct subscription *subscription)
{
	const struct subscription_item *sorted[SUBSCRIPTION_ITEMS_MAX];
	struct json_object *array = json_object_new_array();

	if (!json_add(object, "items", array))
		return false;
	for (size_t i = 0; i < subscription->n_items; i++)
		sorted[i] = &subscription->items[i];
	qsort(sorted, subscription->n_items, sizeof(sorted[0]), compare_items);
	for (size_t i = 0; i < subscription->n_items; i++) {
		struct json_object *item = json_object_new_object();

		if (!json_append(array, item))
			return false;
		if (!fields_add(item, item_fields, COUNT(item_fields), sorted[i]))
			return false;
	}
	return true;
}

char *subscription_encode(const struct subscription *subscription)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;
	char *encoded = NULL;

	if (!fields_add(object, subscription_fields, COUNT(subscription_fields), subscription) ||
	    !items_add(object, subscription))
		goto out;
	text = json_write(object);
	encoded = text ? strdup(text) : NULL;
out:
	json_object_put(object);
	return encoded;
}

static bool text_read(struct json_object *value, char *at, size_t size)
{
	size_t length = 0;

	if (!json_object_is_type(value, json_type_string))
		return false;
	length = (size_t)json_object_get_string_len(value);
	if (length >= size || strlen(json_object_get_string(value)) != length)
		return false;
	memcpy(at, json_object_get_string(value), length + 1);
	return true;
}

static bool field_read(const struct field *field, struct json_object *value, void *base)
{
	char *at = (char *)base + field->offset;

	switch (field->kind) {
	case FIELD_TEXT:
		return text_read(value, at, field->size) && (*at || !field->required);
	case FIELD_NUMBER:
		return json_integer_read(value, (int64_t *)(void *)at);
	case FIELD_FLAG:
		*(bool *)at = json_object_get_boolean(value);
		return json_object_is_type(value, json_type_boolean);
	case FIELD_STATUS:
		*(enum subscription_status *)at = subscription_status_parse(json_object_get_string(value));
		return json_object_is_type(value, json_type_string);
	case FIELD_PAUSE:
		*(enum pause_collection *)at = pause_collection_parse(json_object_get_string(value));
		return json_object_is_type(value, json_type_string);
	}
	return false;
}

/* Members that no field names are passed over: a newer version may have written them. */
static bool fields_read(struct json_object *object, const struct field *fields, size_t count,
    void *base)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!json_object_object_get_ex(object, fields[i].name, &value)) {
			if (fields[i].required)
				return false;
		} else if (!field_read(&fields[i], value, base)) {
			return false;
		}
	}
	return true;
}

static bool items_read(struct json_object *object, struct subscription *subscription)
{
	struct json_object *items = NULL;

	if (!json_object_object_get_ex(object, "items", &items) ||
	    !json_object_is_type(items, json_type_array) ||
	    json_object_array_length(items) > SUBSCRIPTION_ITEMS_MAX)
		return false;
	subscription->n_items = json_object_array_length(items);
	for (size_t i = 0; i < subscription->n_items; i++) {
		memset(&subscription->items[i], 0, sizeof(subscription->items[i]));
		if (!fields_read(json_object_array_get_idx(items, i), item_fields, COUNT(item_fields),
		        &subscription->items[i]))
			return false;
	}
	return true;
}

/* The gate decodes on every page view, so the many items that are not there are
 * neither cleared nor copied, not by a compiler that clears automatic variables either. */
bool subscription_decode(const char *json, struct subscription *subscription)
{
	struct json_object *object = json_parse_object(json, strlen(json));
	struct subscription decoded NOT_CLEARED;
	bool ok = false;

	memset(&decoded, 0, offsetof(struct subscription, items));
	if (!fields_read(object, subscription_fields, COUNT(subscription_fields), &decoded) ||
	    !items_read(object, &decoded))
		goto out;
	memcpy(subscription, &decoded,
	    offsetof(struct subscription, items) + decoded.n_items * sizeof(decoded.items[0]));
	ok = true;
out:
	json_object_put(object);
	return ok;
}
