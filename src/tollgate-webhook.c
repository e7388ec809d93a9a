/* webhook: takes what Stripe says, once it is proven to be Stripe. Asks Stripe nothing. */
#include <json-c/json.h>
#include <string.h>

#include "billing_event.h"
#include "json_write.h"
#include "program.h"
#include "stripe_signature.h"

#define BODY_MAX (1024 * 1024)
#define SECRETS_TRIED_MAX 8

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

/* Where the web server names no site, the account alone chooses. Of two sites
 * with one account neither is right. */
static const struct site *only_site_of_account(const struct settings *settings,
    const struct stripe_event *event)
{
	const struct site *found = NULL;

	for (size_t i = 0; event->account != NULL && i < settings->n_sites; i++) {
		if (!billing_event_is_of_account(&settings->sites[i], event))
			continue;
		if (found != NULL)
			return NULL;
		found = &settings->sites[i];
	}
	return found;
}

static bool signed_for(const struct request *request, const struct site *site)
{
	const char *signature = request_param(request, "HTTP_STRIPE_SIGNATURE");

	return signature != NULL && request->body != NULL &&
	    stripe_signature_valid(signature, request->body, request->body_length,
	        site->webhook_secrets, site->n_webhook_secrets, request->now);
}

/* The platform's secret is all sites' own; who gives them several is not believed
 * for more than a few, or a forged body would cost a hash for each site. */
static bool signed_for_some_account(const struct request *request, const struct settings *settings)
{
	const struct site *tried[SECRETS_TRIED_MAX];
	size_t n_tried = 0;

	for (size_t i = 0; i < settings->n_sites && n_tried < SECRETS_TRIED_MAX; i++) {
		const struct site *site = &settings->sites[i];
		size_t j = 0;

		while (j < n_tried && !shares_secret(tried[j], site))
			j++;
		if (site->stripe_account == NULL || j < n_tried)
			continue;
		if (signed_for(request, site))
			return true;
		tried[n_tried++] = site;
	}
	return false;
}

static enum result signature_invalid(struct problem *problem)
{
	return problem_set(problem, RESULT_INVALID, "signature_invalid", NULL,
	    "The signature is not valid for this body, secret and time.");
}

static enum result parse_event(const struct request *request, struct stripe_event *event,
    struct problem *problem)
{
	if (request->body != NULL && stripe_event_parse(request->body, request->body_length, event))
		return RESULT_OK;
	return problem_set(problem, RESULT_INVALID, "event_malformed", NULL, "The body is no event.");
}

static enum result read_event_of_site(const struct settings *settings,
    const struct request *request, struct stripe_event *event, const struct site **site,
    struct problem *problem)
{
	enum result result = RESULT_OK;

	if (!signed_for(request, request->site))
		return signature_invalid(problem);
	result = parse_event(request, event, problem);
	if (result == RESULT_OK)
		*site = site_of_account(settings, request->site, event);
	return result;
}

/* What is believed of the body before its signature is which secret it has to be
 * signed with. *site NULL: of an account that no site has. */
static enum result read_event_of_account(const struct settings *settings,
    const struct request *request, struct stripe_event *event, const struct site **site,
    struct problem *problem)
{
	enum result result = parse_event(request, event, problem);

	if (result != RESULT_OK)
		return result;
	*site = only_site_of_account(settings, event);
	if (*site != NULL ? signed_for(request, *site) : signed_for_some_account(request, settings))
		return RESULT_OK;
	stripe_event_free(event);
	return signature_invalid(problem);
}

static void answer_received(struct response *response)
{
	struct json_object *object = json_object_new_object();

	json_add_truth(object, "received", true);
	response_json(response, 200, object);
}

static enum result take_event(struct worker *worker, const struct site *site,
    const struct stripe_event *event, int64_t now, enum event_outcome *outcome,
    struct problem *problem)
{
	if ((site == NULL || !billing_event_is_of_account(site, event)) &&
	    settings_account_broken(worker->settings, event->account))
		return request_site_unavailable(problem);
	*outcome = EVENT_OTHER_ACCOUNT;
	return site == NULL ? RESULT_OK :
	    billing_event_take(worker->store, site, event, now, outcome, problem);
}

static enum result webhook(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	struct stripe_event event;
	enum event_outcome outcome;
	const struct site *site = NULL;
	enum result result = request->site != NULL ?
	    read_event_of_site(worker->settings, request, &event, &site, problem) :
	    read_event_of_account(worker->settings, request, &event, &site, problem);

	if (result != RESULT_OK)
		return result;
	result = take_event(worker, site, &event, request->now, &outcome, problem);
	log_event(LOG_LEVEL_INFO, "webhook event", "id", event.id, "type", event.type,
	    "account", event.account, "for", site != NULL ? site->name : NULL,
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
		.finds_site = true,
	};

	return program_run(&program, argc, argv);
}
