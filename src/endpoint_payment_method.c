/* retrieve-customer-payment-method: by what a subscriber pays. */
#include <json-c/json.h>

#include "billing_payment_method.h"
#include "endpoint_input.h"
#include "endpoint_table.h"

enum result endpoint_retrieve_payment_method(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct payment_method_wanted wanted = { 0 };
	struct json_object *shown = NULL;
	enum result result;

	result = request_field(request, "paymentMethodId", STRIPE_ID_MAX, &wanted.id, problem);
	if (result == RESULT_OK)
		result = request_field(request, "subscriptionId", STRIPE_ID_MAX, &wanted.subscription, problem);
	if (result == RESULT_OK)
		result = billing_payment_method_find(&billing, &wanted, &shown, problem);
	if (result == RESULT_OK)
		response_json(response, 200, shown);
	return result;
}
