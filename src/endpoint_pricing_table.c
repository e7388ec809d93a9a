/* customer-session: what a page needs that embeds Stripe's pricing table or a Payment Link. */
#include <json-c/json.h>

#include "billing_pricing_table.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"

static struct json_object *view_table(const struct pricing_table *table)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "clientSecret",
	    json_object_new_string(table->session.client_secret));
	json_object_object_add(object, "expiresAt", json_object_new_int64(table->session.expires_at));
	json_object_object_add(object, "customerId", json_object_new_string(table->customer));
	json_object_object_add(object, "clientReferenceId", view_text(table->reference));
	return object;
}

enum result endpoint_customer_session(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct pricing_table table;
	enum result result;

	result = billing_pricing_table_open(&billing, &table, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_table(&table));
	return result;
}
