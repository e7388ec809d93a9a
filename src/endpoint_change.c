/* cancel-, resume- and pause-subscription: what a subscriber does with hers. */
#include <json-c/json.h>
#include <stdlib.h>

#include "billing_end.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"

#define COMMENT_MAX 5000

static const char *const feedbacks[] = { "other", "customer_service", "low_quality",
	"missing_features", "switched_service", "too_complex", "too_expensive", "unused", NULL };

static enum result
answer(struct worker *worker, const struct request *request, struct response *response,
    const struct stripe_subscription *subscription, struct problem *problem)
{
	struct view_catalogue catalogue = { 0 };
	struct json_object *object;

	if (store_prices_read(worker->store, request->site, &catalogue.prices,
	    &catalogue.count) != RESULT_OK)
		return problem_store(problem);
	object = json_object_new_object();
	json_object_object_add(object, "subscription",
	    view_subscription(request->site, &subscription->snapshot, &catalogue));
	if (subscription->confirmation == CONFIRM_PAYMENT)
		json_object_object_add(object, "clientSecret", view_text(subscription->client_secret));
	response_json(response, 200, object);
	free(catalogue.prices);
	return RESULT_OK;
}

static enum result
read_named(const struct request *request, struct end_wanted *wanted, struct problem *problem)
{
	*wanted = (struct end_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	return request_field(request, "subscriptionId", STRIPE_ID_MAX, &wanted->subscription, problem);
}

static enum result
read_cancel(const struct request *request, struct end_wanted *wanted, struct problem *problem)
{
	static const char *const whens[] = {
		[CANCEL_NOW] = "now", [CANCEL_PERIOD_END] = "period_end", NULL
	};
	int when = CANCEL_NOW, feedback = -1;
	enum result result = read_named(request, wanted, problem);

	if (result == RESULT_OK)
		result = request_field_word(request, "when", whens, &when, problem);
	if (result == RESULT_OK)
		result = request_field_word(request, "feedback", feedbacks, &feedback, problem);
	if (result == RESULT_OK)
		result = request_field(request, "comment", COMMENT_MAX, &wanted->why.comment, problem);
	wanted->when = (enum cancel_when)when;
	wanted->why.feedback = feedback >= 0 ? feedbacks[feedback] : NULL;
	return result;
}

enum result
endpoint_cancel_subscription(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_subscription subscription;
	struct end_wanted wanted;
	enum result result;

	result = read_cancel(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_cancel(&billing, &wanted, &subscription, problem);
	if (result != RESULT_OK)
		return result;
	subscription.confirmation = CONFIRM_NOTHING; /* what was open is not to be paid now */
	return answer(worker, request, response, &subscription, problem);
}

enum result
endpoint_resume_subscription(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_subscription subscription;
	struct end_wanted wanted;
	enum result result;

	result = read_named(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_resume(&billing, &wanted, &subscription, problem);
	return result == RESULT_OK ? answer(worker, request, response, &subscription, problem) : result;
}

/* Stripe's pause has no end of its own, and one that is not kept must not be promised. */
static enum result
refuse_end_of_pause(const struct request *request, struct problem *problem)
{
	const char *resumes_at;
	enum result result = request_field(request, "resumesAt", STRIPE_ID_MAX, &resumes_at, problem);

	if (result == RESULT_OK && resumes_at == NULL)
		return RESULT_OK;
	return problem_set(problem, RESULT_INVALID, "parameter_unsupported", "resumesAt",
	    "A pause lasts until it is taken back.");
}

enum result
endpoint_pause_subscription(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_subscription subscription;
	struct end_wanted wanted;
	enum result result;

	result = read_named(request, &wanted, problem);
	if (result == RESULT_OK)
		result = refuse_end_of_pause(request, problem);
	if (result == RESULT_OK)
		result = billing_pause(&billing, &wanted, &subscription, problem);
	if (result != RESULT_OK)
		return result;
	subscription.confirmation = CONFIRM_NOTHING;
	return answer(worker, request, response, &subscription, problem);
}
