/* customer-portal: a subscriber manages what she has, on Stripe's page. */
#include <json-c/json.h>
#include <stdlib.h>

#include "billing_portal.h"
#include "endpoint_input.h"
#include "json_write.h"
#include "program.h"

#define PATH_MAX_LENGTH 1024

static enum result read_return_path(const struct request *request, const char **path,
    struct problem *problem)
{
	enum result result;

	result = request_field(request, "returnPath", PATH_MAX_LENGTH, path, problem);
	if (result == RESULT_OK && *path != NULL && !request_path_is_own(*path))
		result = problem_set(problem, RESULT_INVALID, "parameter_invalid", "returnPath",
		    "This must be a path on this site.");
	return result;
}

static enum result read_wanted(const struct request *request, struct portal_wanted *wanted,
    struct problem *problem)
{
	int flow = PORTAL_HOME;
	enum result result;

	*wanted = (struct portal_wanted){ 0 };
	result = read_return_path(request, &wanted->return_path, problem);
	if (result == RESULT_OK)
		result = request_field_word(request, "flow", portal_flow_words, &flow, problem);
	if (result == RESULT_OK)
		result = request_field(request, "subscriptionId", STRIPE_ID_MAX, &wanted->subscription, problem);
	if (result == RESULT_OK)
		result = request_field(request, "newPriceId", STRIPE_ID_MAX, &wanted->new_price, problem);
	wanted->flow = (enum portal_flow)flow;
	return result;
}

static void answer_url(struct response *response, const struct request *request, const char *url)
{
	struct json_object *object;

	if (!request->wants_json) {
		response_see_other(response, url);
		return;
	}
	object = json_object_new_object();
	json_add_text(object, "url", url);
	response_json(response, 200, object);
}

static enum result customer_portal(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct portal_wanted wanted;
	char *url = NULL;
	enum result result;

	result = read_wanted(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_portal_open(&billing, &wanted, &url, problem);
	if (result == RESULT_OK)
		answer_url(response, request, url);
	free(url);
	return result;
}

static const struct endpoint endpoints[] = {
	{ .name = "customer-portal", .method = "POST", .access = ACCESS_USER, .body_max = 16384,
	  .handler = customer_portal },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tollgate-portal",
		.secrets = SECRET_PORTAL_KEY | SECRET_IDENTITY,
		.calls_stripe = true,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
