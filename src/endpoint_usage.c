/* meter-event: the application's server says what a user used. */
#include <inttypes.h>
#include <json-c/json.h>

#include "billing_usage.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "json_write.h"

#define NAME_MAX_LENGTH 100 /* Stripe's for both */
#define VALUE_MAX 1000000000000000

static enum result read_usage(const struct request *request, struct usage *usage,
    struct problem *problem)
{
	enum result result;

	result = input_required(request, "eventName", NAME_MAX_LENGTH, &usage->event_name, problem);
	if (result == RESULT_OK)
		result = input_required(request, "identifier", NAME_MAX_LENGTH, &usage->identifier, problem);
	if (result == RESULT_OK)
		result = request_field_integer(request, "value", -VALUE_MAX, VALUE_MAX, &usage->value, problem);
	if (result == RESULT_OK && usage->value == INT64_MIN)
		result = problem_set(problem, RESULT_INVALID, "parameter_missing", "value",
		    "This field is required.");
	return result;
}

enum result endpoint_meter_event(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct usage usage = { .value = INT64_MIN };
	struct json_object *object;
	enum result result;

	result = read_usage(request, &usage, problem);
	if (result == RESULT_OK)
		result = billing_usage_report(&billing, &usage, problem);
	if (result != RESULT_OK)
		return result;
	object = json_object_new_object();
	json_add_text(object, "identifier", usage.identifier);
	response_json(response, 200, object);
	return RESULT_OK;
}
