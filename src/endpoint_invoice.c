/* invoices: what a subscriber has been billed. */
#include <json-c/json.h>

#include "billing_invoice_list.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 100 /* Stripe's */

static struct json_object *view_invoice(struct json_object *invoice)
{
	static const char *const fields[] = {
		"id", "object", "customer", "number", "status", "billing_reason", "created", "currency",
		"amount_due", "amount_paid", "amount_remaining", "total", "period_start", "period_end",
		"due_date", "hosted_invoice_url", "invoice_pdf", NULL
	};

	return view_fields(invoice, fields);
}

static struct json_object *view_invoices(const struct billing_invoice_list *invoices)
{
	struct json_object *data = json_object_new_array(), *list = json_object_new_object(),
	    *object = json_object_new_object();
	size_t i;

	for (i = 0; i < json_object_array_length(invoices->data); i++)
		json_append(data, view_invoice(json_object_array_get_idx(invoices->data, i)));
	json_add(list, "data", data);
	json_add_truth(list, "has_more", invoices->has_more);
	json_add(object, "invoices", list);
	return object;
}

enum result endpoint_invoices(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct billing_invoice_list invoices = { 0 };
	int64_t limit = LIMIT_DEFAULT;
	const char *after = NULL;
	enum result result;

	result = request_field_integer(request, "limit", 1, LIMIT_MAX, &limit, problem);
	if (result == RESULT_OK)
		result = request_field(request, "starting_after", STRIPE_ID_MAX, &after, problem);
	if (result == RESULT_OK)
		result = billing_invoice_list(&billing, limit, after, &invoices, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_invoices(&invoices));
	json_object_put(invoices.data);
	return result;
}
