/* The gate: a Responder for nginx's auth_request, an Authorizer for
 * Apache's mod_authnz_fcgi, by what the web server asks it to be. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "billing_gate.h"
#include "program.h"

/* nginx makes 500 of whatever is not 204, 401 or 403; an Authorizer may say more. */
static const struct {
	int responder, authorizer;
} statuses[] = {
	[REASON_NONE]            = { 204, 200 },
	[REASON_UNIDENTIFIED]    = { 401, 401 },
	[REASON_MISCONFIGURED]   = { 403, 403 },
	[REASON_UNAVAILABLE]     = { 403, 503 },
	[REASON_STALE]           = { 403, 503 },
	[REASON_NO_SUBSCRIPTION] = { 403, 402 },
	[REASON_OTHER_PLAN]      = { 403, 402 },
	[REASON_INCOMPLETE]      = { 403, 402 },
	[REASON_PAST_DUE]        = { 403, 402 },
	[REASON_UNPAID]          = { 403, 402 },
	[REASON_PAUSED]          = { 403, 402 },
	[REASON_CANCELED]        = { 403, 402 },
	[REASON_PROCESSING]      = { 403, 402 },
	[REASON_PAYMENT_FAILED]  = { 403, 402 },
};

enum fact { FACT_USER, FACT_STATUS, FACT_PLAN, FACT_FEATURES, FACT_UNTIL, FACT_REASON, FACTS };

/* An Authorizer's Variable- becomes an environment variable of the page. */
static const struct {
	const char *responder, *authorizer;
} names[FACTS] = {
	[FACT_USER]     = { "Tollgate-User",     "Variable-TOLLGATE_USER" },
	[FACT_STATUS]   = { "Tollgate-Status",   "Variable-TOLLGATE_STATUS" },
	[FACT_PLAN]     = { "Tollgate-Plan",     "Variable-TOLLGATE_PLAN" },
	[FACT_FEATURES] = { "Tollgate-Features", "Variable-TOLLGATE_FEATURES" },
	[FACT_UNTIL]    = { "Tollgate-Until",    "Variable-TOLLGATE_UNTIL" },
	[FACT_REASON]   = { "Tollgate-Reason",   "Variable-TOLLGATE_REASON" },
};

static bool asks_authorizer(const struct request *request)
{
	const char *role = request_param(request, "FCGI_ROLE");

	return role && strcmp(role, "AUTHORIZER") == 0;
}

static void answer_responder(struct response *response, int status, const char *const facts[FACTS])
{
	for (int i = 0; i < FACTS; i++)
		if (facts[i] && facts[i][0])
			response_header(response, names[i].responder, facts[i]);
	response_empty(response, status);
}

/* Empty ones too: a page within a page would keep those of the outer one.
 * Variables are for a yes alone; what is sent with a no, the page of refusal reads. */
static void answer_authorizer(struct response *response, int status, const char *const facts[FACTS])
{
	if (status != 200) {
		answer_responder(response, status, facts);
		return;
	}
	for (int i = 0; i < FACTS; i++)
		response_header(response, names[i].authorizer, facts[i] ? facts[i] : "");
	response_header(response, "Variable-REMOTE_USER", facts[FACT_USER]);
	response_authorized(response);
}

static void answer(const struct request *request, struct response *response,
    const struct access_decision *decision)
{
	bool authorizer = asks_authorizer(request);
	int status = authorizer ? statuses[decision->reason].authorizer
	    : statuses[decision->reason].responder;
	char until[24] = "";
	const char *const facts[FACTS] = {
		[FACT_USER] = request->identity.user,
		[FACT_STATUS] = decision->has_subscription ? subscription_status_str(decision->status) : NULL,
		[FACT_PLAN] = decision->plan ? decision->plan->name : NULL,
		[FACT_FEATURES] = decision->features,
		[FACT_UNTIL] = until,
		[FACT_REASON] = access_reason_str(decision->reason),
	};

	if (decision->until && snprintf(until, sizeof(until), "%" PRId64, decision->until) < 0)
		until[0] = '\0';
	if (status == 401)
		response_header(response, "WWW-Authenticate", "Bearer");
	if (authorizer)
		answer_authorizer(response, status, facts);
	else
		answer_responder(response, status, facts);
}

static enum result access_endpoint(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct gate_question question = {
		.store = worker->store,
		.site = request->site,
		.identity = &request->identity,
		.user_hash = request->user_hash,
		.require = request_param(request, "TOLLGATE_REQUIRE"),
		.now = request->now,
		.cold_slots = worker->threads > 1 ? worker->threads / 2 : 1,
	};
	struct access_decision decision;

	(void)problem;
	gate_check(worker->shared, &question, &decision);
	answer(request, response, &decision);
	return RESULT_OK;
}

/* An unknown site, a param that contradicts itself: the web server's
 * configuration is wrong, and 400 would be 500 at nginx. With a broken site
 * nobody is to be sent to buy again. */
static void answer_problem(struct worker *worker, const struct request *request,
    struct response *response, const struct problem *problem)
{
	const struct access_decision refusal = {
		.reason = problem->result == RESULT_UNAVAILABLE ? REASON_UNAVAILABLE : REASON_MISCONFIGURED,
	};

	gate_complain(worker->shared, request->site, problem->message);
	answer(request, response, &refusal);
}

static const struct endpoint endpoints[] = {
	{ .name = "", .method = "", .access = ACCESS_ANYBODY, .handler = access_endpoint },
};

static bool open_gate(void *gate, const struct settings *settings)
{
	return gate_open(gate, settings);
}

static void close_gate(void *gate)
{
	gate_close(gate);
}

int main(int argc, char **argv)
{
	struct gate *gate = gate_new();
	const struct program program = {
		.name = "tollgate-access",
		.secrets = SECRET_IDENTITY,
		.quiet = true,
		.shared = gate,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
		.problem = answer_problem,
		.open = open_gate,
		.close = close_gate,
	};
	int code = gate ? program_run(&program, argc, argv) : EX_OSERR;

	gate_free(gate);
	return code;
}
