/* session-status: how a Checkout ended, for the page that Stripe sends the visitor back to. */
#include <json-c/json.h>

#include "billing_session.h"
#include "endpoint_input.h"
#include "json_write.h"
#include "program.h"

static struct json_object *encode_status(const struct session_status *status)
{
	struct json_object *object = json_object_new_object();

	json_add_text_or_null(object, "status", status->status);
	json_add_text_or_null(object, "payment_status", status->payment_status);
	json_add_text_or_null(object, "customer_email", status->customer_email);
	json_add_text_or_null(object, "subscription_status", status->has_subscription ?
	    subscription_status_str(status->subscription_status) : "");
	return object;
}

static enum result session_status(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct session_status status;
	const char *id = NULL;
	enum result result;

	result = input_required(request, "session_id", STRIPE_ID_MAX, &id, problem);
	if (result == RESULT_OK)
		result = billing_session_status(&billing, id, &status, problem);
	if (result == RESULT_OK)
		response_json(response, 200, encode_status(&status));
	return result;
}

static const struct endpoint endpoints[] = {
	{ .name = "session-status", .method = "GET", .access = ACCESS_USER, .handler = session_status },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tollgate-session",
		.secrets = SECRET_SESSION_KEY | SECRET_IDENTITY,
		.calls_stripe = true,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
