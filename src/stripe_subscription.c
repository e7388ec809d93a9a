#include "stripe_subscription.h"

#include <json-c/json.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"
#include "log.h"

/* Before 2025-03-31.basil the period stood on the subscription. */
static bool item_decode(struct json_object *object, int64_t subscription_period_end,
    struct subscription_item *item)
{
	*item = (struct subscription_item){ 0 };
	item->quantity = json_integer(object, "/quantity");
	item->current_period_end = json_integer(object, "/current_period_end");
	if (!item->current_period_end)
		item->current_period_end = subscription_period_end;
	return json_copy_text(object, "/id", item->id, sizeof(item->id)) && item->id[0]
	    && json_copy_id(object, "/price", item->price, sizeof(item->price))
	    && json_copy_id(object, "/price/product", item->product, sizeof(item->product))
	    && json_copy_text(object, "/price/lookup_key", item->lookup_key, sizeof(item->lookup_key));
}

/* Stripe allows 20 items; of more, the first ones are what the gate will know. */
static bool items_decode(struct json_object *object, struct subscription *subscription)
{
	struct json_object *data = json_at(object, "/items/data");
	int64_t period_end = json_integer(object, "/current_period_end");
	size_t count = json_length(data);

	if (count > SUBSCRIPTION_ITEMS_MAX || json_truth(object, "/items/has_more")) {
		log_event(LOG_LEVEL_WARNING, "subscription has more items than are read",
		    "subscription", subscription->id, NULL);
		count = count < SUBSCRIPTION_ITEMS_MAX ? count : SUBSCRIPTION_ITEMS_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		if (!item_decode(json_object_array_get_idx(data, i), period_end, &subscription->items[i]))
			return false;
	}
	subscription->n_items = count;
	return true;
}

enum pause_collection stripe_pause_decode(struct json_object *object)
{
	const char *behavior = json_text(object, "/pause_collection/behavior");

	if (!json_at(object, "/pause_collection"))
		return COLLECTION_RUNS;
	return behavior && behavior[0] ? pause_collection_parse(behavior) : COLLECTION_UNKNOWN;
}

bool stripe_subscription_decode(struct json_object *object, struct subscription *subscription)
{
	struct subscription read = { 0 };

	if (!json_text_is(object, "/object", "subscription")
	    || !json_copy_text(object, "/id", read.id, sizeof(read.id)) || !read.id[0]
	    || !json_copy_id(object, "/customer", read.customer, sizeof(read.customer))
	    || !read.customer[0]
	    || !json_copy_id(object, "/latest_invoice", read.latest_invoice, sizeof(read.latest_invoice))
	    || !items_decode(object, &read))
		return false;
	read.status = subscription_status_parse(json_text(object, "/status"));
	read.pause_collection = stripe_pause_decode(object);
	read.send_invoice = json_text_is(object, "/collection_method", "send_invoice");
	read.cancel_at_period_end = json_truth(object, "/cancel_at_period_end");
	read.simulated = json_id(object, "/test_clock") != NULL;
	read.setup_due = json_id(object, "/pending_setup_intent") != NULL
	    && json_at(object, "/metadata/tollgate_order") != NULL
	    && !json_text_is(object, "/metadata/tollgate_trial", STRIPE_TRIAL_WITHOUT_CARD);
	read.created = json_integer(object, "/created");
	read.trial_end = json_integer(object, "/trial_end");
	read.cancel_at = json_integer(object, "/cancel_at");
	read.ended_at = json_integer(object, "/ended_at");
	*subscription = read;
	return true;
}

/* False when out of memory. */
static bool lay_over(struct json_object *object, struct json_object *previous)
{
	json_object_object_foreach(previous, name, value) {
		struct json_object *present = NULL, *copy = NULL;

		json_object_object_get_ex(object, name, &present);
		if (json_object_is_type(value, json_type_object)
		    && json_object_is_type(present, json_type_object)) {
			if (!lay_over(present, value))
				return false;
			continue;
		}
		if (value && json_object_deep_copy(value, &copy, NULL) != 0)
			return false;
		if (!(copy ? json_add(object, name, copy) : json_add_read(object, name, NULL)))
			return false;
	}
	return true;
}

struct json_object *stripe_object_before(struct json_object *object, struct json_object *previous)
{
	struct json_object *before = NULL;

	if (json_object_deep_copy(object, &before, NULL) == 0
	    && (!json_object_is_type(previous, json_type_object) || lay_over(before, previous)))
		return before;
	json_object_put(before);
	return NULL;
}
