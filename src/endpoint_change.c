/* What a subscriber does with hers: preview and change, cancel, resume, pause. */
#include <json-c/json.h>
#include <stdlib.h>

#include "billing_change.h"
#include "billing_end.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_read.h"
#include "json_write.h"

#define COMMENT_MAX 5000
#define QUANTITY_MAX 999999
#define TRIAL_END_MAX (730 * 86400)   /* seconds from now; Stripe's two years */
#define DATE_MAX 9007199254740991     /* RFC 7493, section 2.2: json-c cuts what is larger still */
#define PLAN_NAME_MAX 64

static const char *const feedbacks[] = { "other", "customer_service", "low_quality",
	"missing_features", "switched_service", "too_complex", "too_expensive", "unused", NULL };

static enum result answer(struct worker *worker, const struct request *request,
    struct response *response, const struct stripe_subscription *subscription,
    struct problem *problem)
{
	struct view_catalogue catalogue = { 0 };
	struct json_object *object;

	if (store_prices_read(worker->store, request->site, &catalogue.prices,
	    &catalogue.count) != RESULT_OK)
		return problem_store(problem);
	object = json_object_new_object();
	json_add(object, "subscription",
	    view_subscription(request->site, &subscription->snapshot, &catalogue));
	if (subscription->confirmation == CONFIRM_PAYMENT)
		json_add_text_or_null(object, "clientSecret", subscription->client_secret);
	response_json(response, 200, object);
	free(catalogue.prices);
	return RESULT_OK;
}

static enum result read_named(const struct request *request, struct end_wanted *wanted,
    struct problem *problem)
{
	*wanted = (struct end_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	return request_field(request, "subscriptionId", STRIPE_ID_MAX, &wanted->subscription, problem);
}

static enum result read_cancel(const struct request *request, struct end_wanted *wanted,
    struct problem *problem)
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

enum result endpoint_cancel_subscription(struct worker *worker, const struct request *request,
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

enum result endpoint_resume_subscription(struct worker *worker, const struct request *request,
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
static enum result refuse_end_of_pause(const struct request *request, struct problem *problem)
{
	const char *resumes_at;
	enum result result = request_field(request, "resumesAt", STRIPE_ID_MAX, &resumes_at, problem);

	if (result == RESULT_OK && resumes_at == NULL)
		return RESULT_OK;
	return problem_set(problem, RESULT_INVALID, "parameter_unsupported", "resumesAt",
	    "A pause lasts until it is taken back.");
}

enum result endpoint_pause_subscription(struct worker *worker, const struct request *request,
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

static enum result read_change(const struct request *request, struct change_wanted *wanted,
    struct problem *problem)
{
	struct plan_wanted *plan = &wanted->plan;
	const struct {
		const char *name;
		size_t max;
		const char **value;
	} fields[] = {
		{ "subscriptionId", STRIPE_ID_MAX, &wanted->subscription },
		{ "customerId", STRIPE_ID_MAX, &wanted->customer },
		{ "itemId", STRIPE_ID_MAX, &wanted->item },
		{ "newPlan", PLAN_NAME_MAX, &plan->plan },
		{ "newPriceId", STRIPE_ID_MAX, &plan->price_id },
		{ "newLookupKey", LOOKUP_KEY_SIZE - 1, &plan->lookup_key },
		{ "interval", PLAN_NAME_MAX, &plan->interval },
	};
	enum result result = RESULT_OK;
	size_t i;

	*wanted = (struct change_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && result == RESULT_OK; i++)
		result = request_field(request, fields[i].name, fields[i].max, fields[i].value, problem);
	if (result == RESULT_OK)
		result = request_field_integer(request, "quantity", 1, QUANTITY_MAX, &wanted->quantity,
		    problem);
	if (result == RESULT_OK && (plan->plan != NULL) + (plan->price_id != NULL) +
	    (plan->lookup_key != NULL) > 1)
		result = problem_set(problem, RESULT_INVALID, "parameter_invalid", "newPriceId",
		    "Name one of newPriceId, newPlan and newLookupKey.");
	return result;
}

static struct json_object *view_lines(struct json_object *invoice)
{
	static const char *const names[] = { "description", "amount", "currency", "quantity", "period",
		NULL };
	struct json_object *data = json_object_new_array(), *list = json_object_new_object(),
	    *lines = json_at(invoice, "/lines/data");
	size_t i, length = json_length(lines);

	for (i = 0; i < length; i++)
		json_append(data, view_fields(json_object_array_get_idx(lines, i), names));
	json_add(list, "data", data);
	json_add_truth(list, "has_more", json_truth(invoice, "/lines/has_more"));
	return list;
}

static struct json_object *view_preview(struct json_object *invoice, int64_t date)
{
	static const char *const names[] = { "object", "currency", "subtotal", "total", "amount_due",
		"starting_balance", "ending_balance", "total_discount_amounts", "total_taxes",
		"period_start", "period_end", "next_payment_attempt", NULL };
	struct json_object *object = view_fields(invoice, names);

	json_add(object, "lines", view_lines(invoice));
	json_add_integer_or_null(object, "prorationDate", date);
	return object;
}

enum result endpoint_create_preview_invoice(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct json_object *invoice;
	struct change_wanted wanted;
	enum result result;
	int64_t date;

	result = read_change(request, &wanted, problem);
	if (result == RESULT_OK)
		result = request_field_integer(request, "trialEndDate", request->now,
		    request->now + TRIAL_END_MAX, &wanted.trial_end, problem);
	if (result == RESULT_OK)
		result = billing_change_preview(&billing, &wanted, &invoice, &date, problem);
	if (result != RESULT_OK)
		return result;
	response_json(response, 200, view_preview(invoice, date));
	json_object_put(invoice);
	return RESULT_OK;
}

enum result endpoint_update_subscription(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_subscription subscription;
	struct change_wanted wanted;
	enum result result;

	result = read_change(request, &wanted, problem);
	if (result == RESULT_OK)
		result = request_field_integer(request, "prorationDate", 1, DATE_MAX,
		    &wanted.proration_date, problem);
	if (result == RESULT_OK)
		result = billing_change_update(&billing, &wanted, &subscription, problem);
	return result == RESULT_OK ? answer(worker, request, response, &subscription, problem) : result;
}
