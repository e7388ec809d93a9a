#include "stripe_setup_intent.h"

#include <json-c/json.h>

#include "json_read.h"

static bool decode(struct json_object *object, struct stripe_setup_intent *intent)
{
	struct stripe_setup_intent read = { 0 };

	if (!json_copy_text(object, "/id", read.id, sizeof(read.id)) || read.id[0] == '\0' ||
	    !json_copy_id(object, "/customer", read.customer, sizeof(read.customer)) ||
	    !json_copy_id(object, "/payment_method", read.payment_method, sizeof(read.payment_method)) ||
	    !json_copy_text(object, "/status", read.status, sizeof(read.status)) ||
	    !json_copy_text(object, "/client_secret", read.client_secret, sizeof(read.client_secret)))
		return false;
	if (!json_copy_text(object, "/metadata/tollgate_subscription", read.subscription,
	    sizeof(read.subscription)))
		read.subscription[0] = '\0'; /* not one of ours */
	*intent = read;
	return true;
}

static enum result intent_call(struct stripe *stripe, const struct site *site, const char *method,
    const char *path, const struct form *form, const char *idempotency_key,
    struct stripe_setup_intent *intent, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	enum result result;

	result = stripe_call(stripe, site, method, path, form, idempotency_key, &answer, problem);
	if (result == RESULT_OK && !decode(answer.object, intent))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

enum result stripe_setup_intent_create(struct stripe *stripe, const struct site *site,
    const char *customer, const char *subscription, const char *idempotency_key,
    struct stripe_setup_intent *intent, struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "customer", customer);
	form_add(form, "usage", "off_session");
	form_add(form, "metadata[tollgate_site]", site->name);
	form_add(form, "metadata[tollgate_subscription]", subscription);
	result = intent_call(stripe, site, "POST", "/v1/setup_intents", form, idempotency_key, intent,
	    problem);
	form_free(form);
	return result;
}

enum result stripe_setup_intent_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_setup_intent *intent, struct problem *problem)
{
	char path[STRIPE_PATH_SIZE];

	if (!stripe_path(path, "/v1/setup_intents/", id, NULL))
		return RESULT_NOT_FOUND;
	return intent_call(stripe, site, "GET", path, NULL, NULL, intent, problem);
}

enum result stripe_customer_set_method(struct stripe *stripe, const struct site *site,
    const char *customer, const char *payment_method, const char *idempotency_key,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "invoice_settings[default_payment_method]", payment_method);
	if (!stripe_path(path, "/v1/customers/", customer, NULL))
		result = problem_memory(problem);
	else
		result = stripe_call(stripe, site, "POST", path, form, idempotency_key, &answer, problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}
