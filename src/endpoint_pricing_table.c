/* customer-session: what a page needs that embeds Stripe's pricing table or a Payment Link. */
#include <json-c/json.h>

#include "billing_pricing_table.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

static struct json_object *view_table(const struct pricing_table *table)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "clientSecret", table->session.client_secret);
	json_add_integer(object, "expiresAt", table->session.expires_at);
	json_add_text(object, "customerId", table->customer);
	json_add_text_or_null(object, "clientReferenceId", table->reference);
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
