#include "endpoint_view.h"

#include <json-c/json.h>
#include <string.h>

#include "billing_access.h"
#include "json_write.h"

struct json_object *view_fields(struct json_object *object, const char *const *names)
{
	struct json_object *view = json_object_new_object();
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		struct json_object *value = NULL;

		if (json_object_object_get_ex(object, names[i], &value))
			json_add_read(view, names[i], value);
	}
	return view;
}

struct json_object *view_price(const struct store_price *price)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "id", price->id);
	json_add_text_or_null(object, "lookup_key", price->lookup_key);
	json_add_text(object, "product", price->product);
	json_add_integer(object, "unit_amount", price->unit_amount);
	json_add_text(object, "currency", price->currency);
	json_add_text_or_null(object, "interval", price->interval);
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
	json_add_text(object, "id", item->price);
	json_add_text_or_null(object, "lookup_key", item->lookup_key);
	json_add_text(object, "product", item->product);
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

		json_add_text(object, "id", item->id);
		json_add(object, "price", view_item_price(item, catalogue));
		json_add_integer(object, "quantity", item->quantity);
		json_add_integer_or_null(object, "current_period_end", item->current_period_end);
		json_append(data, object);
	}
	json_add(list, "data", data);
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

static void add_pause(struct json_object *object, enum pause_collection pause)
{
	static const char *const behaviors[] = {
		[COLLECTION_MARK_UNCOLLECTIBLE] = "mark_uncollectible",
		[COLLECTION_VOID] = "void",
		[COLLECTION_KEEP_AS_DRAFT] = "keep_as_draft",
		[COLLECTION_UNKNOWN] = "unknown",
	};
	struct json_object *collection;

	if (pause == COLLECTION_RUNS) {
		json_add_read(object, "pause_collection", NULL);
		return;
	}
	collection = json_object_new_object();
	json_add_text(collection, "behavior", behaviors[pause]);
	json_add(object, "pause_collection", collection);
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

	json_add_text(object, "id", subscription->id);
	json_add_text(object, "object", "subscription");
	json_add_text(object, "status", subscription_status_str(subscription->status));
	json_add_text_or_null(object, "plan", plan_name(site, subscription, catalogue));
	json_add_text(object, "customer", subscription->customer);
	json_add_text_or_null(object, "latest_invoice", subscription->latest_invoice);
	json_add_text(object, "collection_method",
	    subscription->send_invoice ? "send_invoice" : "charge_automatically");
	json_add_truth(object, "cancel_at_period_end", subscription->cancel_at_period_end);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_add_integer_or_null(object, times[i].name, times[i].value);
	add_pause(object, subscription->pause_collection);
	json_add(object, "items", view_items(subscription, catalogue));
	return object;
}
