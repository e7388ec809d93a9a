#include "stripe_checkout_session.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "json_read.h"

bool stripe_checkout_session_decode(struct json_object *object,
    struct stripe_checkout_session *session)
{
	const char *email_at = json_text(object, "/customer_details/email") != NULL ?
	    "/customer_details/email" : "/customer_email";

	*session = (struct stripe_checkout_session){ 0 };
	session->expires_at = json_integer(object, "/expires_at");
	return json_copy_text(object, "/id", session->id, sizeof(session->id)) &&
	    session->id[0] != '\0' &&
	    json_copy_id(object, "/customer", session->customer, sizeof(session->customer)) &&
	    json_copy_id(object, "/subscription", session->subscription, sizeof(session->subscription)) &&
	    json_copy_text(object, "/status", session->status, sizeof(session->status)) &&
	    json_copy_text(object, "/payment_status", session->payment_status,
	        sizeof(session->payment_status)) &&
	    json_copy_text(object, email_at, session->customer_email, sizeof(session->customer_email)) &&
	    json_copy_text(object, "/url", session->url, sizeof(session->url)) &&
	    json_copy_text(object, "/client_secret", session->client_secret,
	        sizeof(session->client_secret)) &&
	    json_copy_text(object, "/metadata/tollgate_user", session->user, sizeof(session->user)) &&
	    json_copy_text(object, "/metadata/tollgate_site", session->site, sizeof(session->site));
}

/* hosted_page goes back by success_url and cancel_url, the others by return_url. */
static void add_urls(struct form *form, const struct site *site, enum ui_mode ui_mode)
{
	static const char *const words[] = {
		[UI_HOSTED_PAGE] = "hosted_page",
		[UI_EMBEDDED_PAGE] = "embedded_page",
		[UI_ELEMENTS] = "elements",
	};
	struct strbuf back = STRBUF_INIT, cancel = STRBUF_INIT;

	form_add(form, "ui_mode", words[ui_mode]);
	strbuf_append(&back, site->origin);
	strbuf_append(&back, site->success_path);
	strbuf_append(&cancel, site->origin);
	strbuf_append(&cancel, site->cancel_path);
	if (ui_mode == UI_HOSTED_PAGE) {
		form_add(form, "success_url", strbuf_text(&back));
		form_add(form, "cancel_url", strbuf_text(&cancel));
	} else {
		form_add(form, "return_url", strbuf_text(&back));
	}
	strbuf_free(&back);
	strbuf_free(&cancel);
}

static void add_items(struct form *form, const struct stripe_checkout_params *params)
{
	form_add(form, "line_items[0][price]", params->price);
	form_add_int(form, "line_items[0][quantity]", params->quantity);
	if (params->setup_price != NULL) {
		form_add(form, "line_items[1][price]", params->setup_price);
		form_add(form, "line_items[1][quantity]", "1");
	}
	form_add(form, "currency", params->currency);
}

static void add_trial(struct form *form, const struct plan *plan)
{
	if (plan->trial_days == 0)
		return;
	form_add_int(form, "subscription_data[trial_period_days]", plan->trial_days);
	if (!plan->trial_without_card)
		return;
	form_add(form, "payment_method_collection", "if_required");
	form_add(form, "subscription_data[trial_settings][end_behavior][missing_payment_method]",
	    plan->trial_end == TRIAL_END_CANCEL ? "cancel" : "pause");
}

/* Stripe refuses discounts beside allow_promotion_codes. */
static void add_discounts(struct form *form, const struct site *site, const char *promotion_code)
{
	if (promotion_code != NULL)
		form_add(form, "discounts[0][promotion_code]", promotion_code);
	else if (site->allow_promotion_codes)
		form_add_bool(form, "allow_promotion_codes", true);
}

static void add_texts(struct form *form, const struct site *site, enum ui_mode ui_mode)
{
	form_add(form, "billing_address_collection", site->billing_address_collection);
	if (site->automatic_tax) {
		form_add_bool(form, "automatic_tax[enabled]", true);
		form_add(form, "customer_update[address]", "auto");
	}
	if (ui_mode == UI_ELEMENTS) /* the page around it is the site's own, texts and all */
		return;
	form_add(form, "custom_text[submit][message]", site->submit_text);
	if (site->terms_text != NULL) {
		form_add(form, "consent_collection[terms_of_service]", "required");
		form_add(form, "custom_text[terms_of_service_acceptance][message]", site->terms_text);
	}
}

static void add_owner(struct form *form, const struct site *site, const char *user)
{
	form_add(form, "metadata[tollgate_user]", user);
	form_add(form, "metadata[tollgate_site]", site->name);
	form_add(form, "subscription_data[metadata][tollgate_user]", user);
	form_add(form, "subscription_data[metadata][tollgate_site]", site->name);
}

static struct form *encode(const struct site *site, const struct stripe_checkout_params *params)
{
	struct form *form = form_new();

	if (form == NULL)
		return NULL;
	form_add(form, "mode", "subscription");
	form_add(form, "customer", params->customer);
	add_urls(form, site, params->ui_mode);
	add_items(form, params);
	add_trial(form, params->plan);
	add_discounts(form, site, params->promotion_code);
	add_texts(form, site, params->ui_mode);
	add_owner(form, site, params->user);
	return form;
}

bool stripe_checkout_session_digest(char digest[STRIPE_DIGEST_SIZE], const struct site *site,
    const struct stripe_checkout_params *params)
{
	struct form *form = encode(site, params);
	bool done = stripe_form_digest(digest, form);

	form_free(form);
	return done;
}

static enum result call(struct stripe *stripe, const struct site *site, const char *method,
    const char *path, const struct form *form, const char *idempotency_key,
    struct stripe_checkout_session *session, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	enum result result;

	result = stripe_call(stripe, site, method, path, form, idempotency_key, &answer, problem);
	if (result == RESULT_OK && !stripe_checkout_session_decode(answer.object, session))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

enum result stripe_checkout_session_create(struct stripe *stripe, const struct site *site,
    const struct stripe_checkout_params *params, const char *idempotency_key,
    struct stripe_checkout_session *session, struct problem *problem)
{
	struct form *form = encode(site, params);
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	result = call(stripe, site, "POST", "/v1/checkout/sessions", form, idempotency_key, session,
	    problem);
	form_free(form);
	return result;
}

static enum result no_such_session(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "session_unknown", NULL,
	    "There is no such Checkout Session.");
}

enum result stripe_checkout_session_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_checkout_session *session, struct problem *problem)
{
	char path[STRIPE_PATH_SIZE];

	if (!stripe_path(path, "/v1/checkout/sessions/", id, NULL))
		return no_such_session(problem);
	return call(stripe, site, "GET", path, NULL, NULL, session, problem);
}

/* To do it again does no harm, while the same key would bring a stored failure back. */
enum result stripe_checkout_session_expire(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_checkout_session *session, struct problem *problem)
{
	char path[STRIPE_PATH_SIZE], key[HEX_RANDOM_SIZE];

	if (!stripe_path(path, "/v1/checkout/sessions/", id, "/expire"))
		return no_such_session(problem);
	if (!hex_random(key))
		return problem_memory(problem);
	return call(stripe, site, "POST", path, NULL, key, session, problem);
}
