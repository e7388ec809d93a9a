/* webhook: takes what Stripe says, once it is proven to be Stripe. Asks Stripe nothing. */
#include <json-c/json.h>
#include <string.h>

#include "billing_event.h"
#include "json_write.h"
#include "program.h"
#include "stripe_signature.h"

#define BODY_MAX (1024 * 1024)

static bool shares_secret(const struct site *a, const struct site *b)
{
	for (size_t i = 0; i < a->n_webhook_secrets; i++) {
		for (size_t j = 0; j < b->n_webhook_secrets; j++) {
			if (strcmp(a->webhook_secrets[i].text, b->webhook_secrets[j].text) == 0)
				return true;
		}
	}
	return false;
}

/* A Connect platform has one endpoint, so one secret, for all its accounts: the
 * signature proves no more than that it is one of theirs. */
static const struct site *site_of_account(const struct settings *settings,
    const struct site *site, const struct stripe_event *event)
{
	if (billing_event_is_of_account(site, event))
		return site;
	for (size_t i = 0; i < settings->n_sites; i++) {
		const struct site *other = &settings->sites[i];

		if (billing_event_is_of_account(other, event) && shares_secret(other, site))
			return other;
	}
	return site;
}

static enum result read_event(const struct request *request, struct stripe_event *event,
    struct problem *problem)
{
	const char *signature = request_param(request, "HTTP_STRIPE_SIGNATURE");
	const struct site *site = request->site;

	if (!signature || !request->body
	    || !stripe_signature_valid(signature, request->body, request->body_length,
	        site->webhook_secrets, site->n_webhook_secrets, request->now))
		return problem_set(problem, RESULT_INVALID, "signature_invalid", NULL,
		    "The signature is not valid for this body, secret and time.");
	if (!stripe_event_parse(request->body, request->body_length, event))
		return problem_set(problem, RESULT_INVALID, "event_malformed", NULL,
		    "The body is no event.");
	return RESULT_OK;
}

static void answer_received(struct response *response)
{
	struct json_object *object = json_object_new_object();

	json_add_truth(object, "received", 1);
	response_json(response, 200, object);
}

static enum result webhook(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	struct stripe_event event;
	enum event_outcome outcome;
	const struct site *site;
	enum result result = read_event(request, &event, problem);

	if (result != RESULT_OK)
		return result;
	site = site_of_account(worker->settings, request->site, &event);
	result = billing_event_take(worker->store, site, &event, request->now, &outcome, problem);
	log_event(LOG_LEVEL_INFO, "webhook event", "id", event.id, "type", event.type, "for", site->name,
	    "outcome", result == RESULT_OK ? event_outcome_str(outcome) : result_str(result), NULL);
	if (result == RESULT_OK)
		answer_received(response);
	stripe_event_free(&event);
	return result;
}

static const struct endpoint endpoints[] = {
	{ .name = "webhook", .method = "POST", .access = ACCESS_ANYBODY, .body_max = BODY_MAX,
	  .raw_body = true, .handler = webhook },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tollgate-webhook",
		.secrets = SECRET_WEBHOOK | SECRET_IDENTITY, /* for references of Payment Links */
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
