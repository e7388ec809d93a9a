/* config: what a front end must know before anybody is logged in. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

static struct json_object *view_features(const struct words *features)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < features->count; i++)
		json_append(array, json_object_new_string(features->word[i]));
	return array;
}

static const struct store_price *price_of_name(const struct view_catalogue *catalogue,
    const char *name)
{
	size_t i;

	for (i = 0; i < catalogue->count; i++)
		if (strcmp(catalogue->prices[i].id, name) == 0 ||
		    strcmp(catalogue->prices[i].lookup_key, name) == 0)
			return &catalogue->prices[i];
	return NULL;
}

static void add_named(struct json_object *array, const struct plan *plan, const struct words *names,
    const struct view_catalogue *catalogue)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		const struct store_price *price = price_of_name(catalogue, names->word[i]);

		if (price != NULL && billing_plan_sells(plan, price))
			json_append(array, view_price(price));
	}
}

/* In the order of the configuration, where it names them. */
static struct json_object *view_prices(const struct plan *plan,
    const struct view_catalogue *catalogue)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	add_named(array, plan, &plan->prices, catalogue);
	add_named(array, plan, &plan->lookup_keys, catalogue);
	for (i = 0; plan->prices.count + plan->lookup_keys.count == 0 && i < catalogue->count; i++)
		if (billing_plan_sells(plan, &catalogue->prices[i]))
			json_append(array, view_price(&catalogue->prices[i]));
	return array;
}

static struct json_object *view_plan(const struct plan *plan,
    const struct view_catalogue *catalogue)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "name", plan->name);
	json_add_truth(object, "free", plan->free);
	json_add_integer(object, "trial_days", plan->trial_days);
	json_add(object, "features", view_features(&plan->features));
	json_add(object, "prices",
	    plan->free ? json_object_new_array() : view_prices(plan, catalogue));
	return object;
}

static struct json_object *view_config(const struct site *site,
    const struct view_catalogue *catalogue)
{
	struct json_object *object = json_object_new_object(), *plans = json_object_new_array();
	size_t i;

	for (i = 0; i < site->n_plans; i++)
		json_append(plans, view_plan(&site->plans[i], catalogue));
	json_add_text_or_null(object, "publishableKey",
	    site->stripe_publishable_key != NULL ? site->stripe_publishable_key : "");
	json_add(object, "plans", plans);
	return object;
}

enum result endpoint_config(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct view_catalogue catalogue = { 0 };
	enum result result;

	result = billing_plan_catalogue(&billing, &catalogue.prices, &catalogue.count, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_config(request->site, &catalogue));
	free(catalogue.prices);
	return result;
}
