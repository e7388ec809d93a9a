#include "endpoint_input.h"

#define NAME_MAX_LENGTH 64
#define CODE_MAX_LENGTH 255
#define QUANTITY_MAX 999999

struct billing input_billing(const struct worker *worker, const struct request *request)
{
	return (struct billing){
		.store = worker->store,
		.stripe = worker->stripe,
		.site = request->site,
		.identity = &request->identity,
		.user_hash = request->user_hash,
		.now = request->now,
		.lock_waiters = worker->threads * 3 / 4,
	};
}

enum result input_plan(const struct request *request, struct plan_wanted *wanted,
    struct problem *problem)
{
	const char *quickstart = NULL; /* as the forms of Stripe's quickstarts name it */
	const struct {
		const char *field;
		size_t max;
		const char **value;
	} fields[] = {
		{ "plan", NAME_MAX_LENGTH, &wanted->plan },
		{ "priceId", STRIPE_ID_MAX, &wanted->price_id },
		{ "lookupKey", LOOKUP_KEY_SIZE - 1, &wanted->lookup_key },
		{ "lookup_key", LOOKUP_KEY_SIZE - 1, &quickstart },
		{ "interval", NAME_MAX_LENGTH, &wanted->interval },
	};
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && result == RESULT_OK; i++)
		result = request_field(request, fields[i].field, fields[i].max, fields[i].value, problem);
	if (result == RESULT_OK && quickstart != NULL && wanted->lookup_key != NULL)
		return problem_set(problem, RESULT_INVALID, "parameter_invalid", "lookup_key",
		    "lookupKey and lookup_key are the same: send one.");
	if (quickstart != NULL)
		wanted->lookup_key = quickstart;
	if (result == RESULT_OK && (wanted->plan != NULL) + (wanted->price_id != NULL) +
	    (wanted->lookup_key != NULL) > 1)
		result = problem_set(problem, RESULT_INVALID, "parameter_invalid", "plan",
		    "Name one of plan, priceId and lookupKey.");
	return result;
}

enum result input_purchase(const struct request *request, struct purchase_wanted *wanted,
    struct problem *problem)
{
	enum result result = input_plan(request, &wanted->plan, problem);

	if (result == RESULT_OK)
		result = request_field_integer(request, "quantity", 1, QUANTITY_MAX, &wanted->quantity, problem);
	if (result == RESULT_OK)
		result = request_field(request, "currency", 3, &wanted->currency, problem);
	if (result == RESULT_OK)
		result = request_field(request, "promotionCode", CODE_MAX_LENGTH, &wanted->promotion_code,
		    problem);
	return result;
}

enum result input_required(const struct request *request, const char *name, size_t max,
    const char **value, struct problem *problem)
{
	enum result result;

	result = request_field(request, name, max, value, problem);
	if (result == RESULT_OK && *value == NULL)
		result = problem_set(problem, RESULT_INVALID, "parameter_missing", name,
		    "This field is required.");
	return result;
}
