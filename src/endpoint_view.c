#include "endpoint_view.h"

#include <json-c/json.h>
#include <string.h>

#include "billing_access.h"

struct json_object *view_text(const char *text)
{
	return text[0] != '\0' ? json_object_new_string(text) : NULL;
}

struct json_object *view_fields(struct json_object *object, const char *const *names)
{
	struct json_object *view = json_object_new_object();
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		struct json_object *value = NULL;

		if (json_object_object_get_ex(object, names[i], &value))
			json_object_object_add(view, names[i], json_object_get(value));
	}
	return view;
}

static struct json_object *view_time(int64_t time)
{
	return time != 0 ? json_object_new_int64(time) : NULL;
}

struct json_object *view_price(const struct store_price *price)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "id", json_object_new_string(price->id));
	json_object_object_add(object, "lookup_key", view_text(price->lookup_key));
	json_object_object_add(object, "product", json_object_new_string(price->product));
	json_object_object_add(object, "unit_amount", json_object_new_int64(price->unit_amount));
	json_object_object_add(object, "currency", json_object_new_string(price->currency));
	json_object_object_add(object, "interval", view_text(price->interval));
	return object;
}

static const struct store_price *find_price(const struct view_catalogue *catalogue, const char *id)
{
	size_t i;

	for (i = 0; i < catalogue->count; i++)
		if (strcmp(catalogue->prices[i].id, id) == 0)
			return &catalogue->prices[i];
	return NULL;
}

/* Of a price that is in no plan any more only its names are known. */
static struct json_object *view_item_price(const struct subscription_item *item,
    const struct view_catalogue *catalogue)
{
	const struct store_price *price = find_price(catalogue, item->price);
	struct json_object *object;

	if (price != NULL)
		return view_price(price);
	object = json_object_new_object();
	json_object_object_add(object, "id", json_object_new_string(item->price));
	json_object_object_add(object, "lookup_key", view_text(item->lookup_key));
	json_object_object_add(object, "product", json_object_new_string(item->product));
	return object;
}

static struct json_object *view_items(const struct subscription *subscription,
    const struct view_catalogue *catalogue)
{
	struct json_object *data = json_object_new_array(), *list = json_object_new_object();
	size_t i;

	for (i = 0; i < subscription->n_items; i++) {
		const struct subscription_item *item = &subscription->items[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "id", json_object_new_string(item->id));
		json_object_object_add(object, "price", view_item_price(item, catalogue));
		json_object_object_add(object, "quantity", json_object_new_int64(item->quantity));
		json_object_object_add(object, "current_period_end", view_time(item->current_period_end));
		json_object_array_add(data, object);
	}
	json_object_object_add(list, "data", data);
	return list;
}

static const char *plan_name(const struct site *site, const struct subscription *subscription,
    const struct view_catalogue *catalogue)
{
	size_t i;

	for (i = 0; i < subscription->n_items; i++) {
		const struct plan *plan = access_item_plan(site, &subscription->items[i],
		    catalogue->prices, catalogue->count);

		if (plan != NULL)
			return plan->name;
	}
	return "";
}

static struct json_object *view_pause(enum pause_collection pause)
{
	static const char *const behaviors[] = {
		[COLLECTION_MARK_UNCOLLECTIBLE] = "mark_uncollectible",
		[COLLECTION_VOID] = "void",
		[COLLECTION_KEEP_AS_DRAFT] = "keep_as_draft",
		[COLLECTION_UNKNOWN] = "unknown",
	};
	struct json_object *object;

	if (pause == COLLECTION_RUNS)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "behavior", json_object_new_string(behaviors[pause]));
	return object;
}

struct json_object *view_subscription(const struct site *site,
    const struct subscription *subscription, const struct view_catalogue *catalogue)
{
	struct json_object *object = json_object_new_object();
	const struct {
		const char *name;
		int64_t value;
	} times[] = {
		{ "created", subscription->created },
		{ "current_period_end", subscription_period_end(subscription) },
		{ "trial_end", subscription->trial_end },
		{ "cancel_at", subscription->cancel_at },
		{ "ended_at", subscription->ended_at },
	};
	size_t i;

	json_object_object_add(object, "id", json_object_new_string(subscription->id));
	json_object_object_add(object, "object", json_object_new_string("subscription"));
	json_object_object_add(object, "status",
	    json_object_new_string(subscription_status_str(subscription->status)));
	json_object_object_add(object, "plan", view_text(plan_name(site, subscription, catalogue)));
	json_object_object_add(object, "customer", json_object_new_string(subscription->customer));
	json_object_object_add(object, "latest_invoice", view_text(subscription->latest_invoice));
	json_object_object_add(object, "collection_method", json_object_new_string(
	    subscription->send_invoice ? "send_invoice" : "charge_automatically"));
	json_object_object_add(object, "cancel_at_period_end",
	    json_object_new_boolean(subscription->cancel_at_period_end));
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_object_object_add(object, times[i].name, view_time(times[i].value));
	json_object_object_add(object, "pause_collection", view_pause(subscription->pause_collection));
	json_object_object_add(object, "items", view_items(subscription, catalogue));
	return object;
}
