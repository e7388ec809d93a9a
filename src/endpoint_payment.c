/* pay-invoice and update-payment-method: back to active by her own hand. */
#include <json-c/json.h>
#include <string.h>

#include "billing_payment.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

static enum result read_wanted(const struct request *request, struct payment_wanted *wanted,
    struct problem *problem)
{
	*wanted = (struct payment_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	return request_field(request, "subscriptionId", STRIPE_ID_MAX, &wanted->subscription, problem);
}

enum result endpoint_pay_invoice(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_invoice_due invoice;
	struct payment_wanted wanted;
	struct json_object *object;
	enum result result;

	result = read_wanted(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_pay(&billing, &wanted, &invoice, problem);
	if (result != RESULT_OK)
		return result;
	object = json_object_new_object();
	json_add_text_or_null(object, "clientSecret", invoice.client_secret);
	json_add_integer(object, "amountDue", invoice.amount_due);
	response_json(response, 200, object);
	return RESULT_OK;
}

/* Of one that is over no secret is of use. */
static struct json_object *view_intent(const struct stripe_setup_intent *intent)
{
	bool over = strcmp(intent->status, "succeeded") == 0 || strcmp(intent->status, "canceled") == 0;
	struct json_object *object = json_object_new_object();

	json_add_text(object, "status", intent->status);
	json_add_text_or_null(object, "clientSecret", over ? "" : intent->client_secret);
	json_add_text_or_null(object, "paymentMethodId", intent->payment_method);
	return object;
}

enum result endpoint_update_payment_method(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_setup_intent intent;
	struct payment_wanted wanted;
	enum result result;

	result = read_wanted(request, &wanted, problem);
	if (result == RESULT_OK)
		result = request_field(request, "setupIntentId", STRIPE_ID_MAX, &wanted.setup_intent,
		    problem);
	if (result != RESULT_OK)
		return result;
	result = (wanted.setup_intent != NULL ? billing_method_finish : billing_method_begin)(&billing,
	    &wanted, &intent, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_intent(&intent));
	return result;
}
