/* create-checkout-session, expire-checkout-session: a visitor starts to pay. */
#include <json-c/json.h>

#include "billing_checkout.h"
#include "endpoint_input.h"
#include "json_write.h"
#include "program.h"

#define FIELD_MAX 255

static const char *const ui_mode_words[] = {
	"hosted_page", "embedded_page", "elements", /* as enum ui_mode */
	"hosted", "embedded", "custom",             /* their older names, in the same order */
	NULL
};
#define UI_MODES 3

static enum result read_wanted(const struct request *request, struct checkout_wanted *wanted,
    struct problem *problem)
{
	int ui_mode = (int)request->site->ui_mode;
	enum result result;

	*wanted = (struct checkout_wanted){
		.idempotency_key = request_param(request, "HTTP_IDEMPOTENCY_KEY"),
	};
	result = input_purchase(request, &wanted->purchase, problem);
	if (result == RESULT_OK)
		result = request_field_word(request, "uiMode", ui_mode_words, &ui_mode, problem);
	wanted->ui_mode = (enum ui_mode)(ui_mode % UI_MODES);
	return result;
}

static void answer_session(struct response *response, const struct request *request,
    enum ui_mode ui_mode, const struct stripe_checkout_session *session)
{
	struct json_object *object;

	if (ui_mode == UI_HOSTED_PAGE && !request->wants_json) {
		response_see_other(response, session->url);
		return;
	}
	object = json_object_new_object();
	if (ui_mode == UI_HOSTED_PAGE)
		json_add_text(object, "url", session->url);
	else
		json_add_text(object, "clientSecret", session->client_secret);
	json_add_text(object, "sessionId", session->id);
	response_json(response, 200, object);
}

static enum result create_checkout_session(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_checkout_session session;
	struct checkout_wanted wanted;
	enum result result;

	result = read_wanted(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_checkout_create(&billing, &wanted, &session, problem);
	if (result == RESULT_OK)
		answer_session(response, request, wanted.ui_mode, &session);
	return result;
}

static enum result expire_checkout_session(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	struct stripe_checkout_session session;
	struct json_object *object;
	const char *id = NULL;
	enum result result;

	result = input_required(request, "sessionId", FIELD_MAX, &id, problem);
	if (result == RESULT_OK)
		result = billing_checkout_expire(&billing, id, &session, problem);
	if (result != RESULT_OK)
		return result;
	object = json_object_new_object();
	json_add_text(object, "status", session.status);
	response_json(response, 200, object);
	return RESULT_OK;
}

static const struct endpoint endpoints[] = {
	{ .name = "create-checkout-session", .method = "POST", .access = ACCESS_USER,
	  .body_max = 16384, .handler = create_checkout_session },
	{ .name = "expire-checkout-session", .method = "POST", .access = ACCESS_USER,
	  .body_max = 16384, .handler = expire_checkout_session },
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tollgate-checkout",
		.secrets = SECRET_CHECKOUT_KEY | SECRET_IDENTITY,
		.calls_stripe = true,
		.endpoints = endpoints,
		.n_endpoints = sizeof(endpoints) / sizeof(endpoints[0]),
	};

	return program_run(&program, argc, argv);
}
