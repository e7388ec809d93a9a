#include "stripe_portal_session.h"

#include <json-c/json.h>
#include <string.h>

#include "json_read.h"

const char *const portal_flow_words[] = {
	[PORTAL_HOME] = "",
	[PORTAL_PAYMENT_METHOD_UPDATE] = "payment_method_update",
	[PORTAL_CUSTOMER_UPDATE] = "customer_update",
	[PORTAL_SUBSCRIPTION_CANCEL] = "subscription_cancel",
	[PORTAL_SUBSCRIPTION_PAUSE] = "subscription_pause",
	[PORTAL_SUBSCRIPTION_UPDATE] = "subscription_update",
	[PORTAL_SUBSCRIPTION_UPDATE_CONFIRM] = "subscription_update_confirm",
	NULL
};

static void add_flow(struct form *form, const struct stripe_portal_params *params)
{
	const char *type = portal_flow_words[params->flow];

	form_add(form, "flow_data[type]", type);
	form_addf(form, params->subscription, "flow_data[%s][subscription]", type);
	if (params->flow == PORTAL_SUBSCRIPTION_UPDATE_CONFIRM) {
		form_addf(form, params->item, "flow_data[%s][items][0][id]", type);
		form_addf(form, params->price, "flow_data[%s][items][0][price]", type);
		form_add_int(form, "flow_data[subscription_update_confirm][items][0][quantity]",
		    params->quantity);
	}
	form_add(form, "flow_data[after_completion][type]", "redirect");
	form_add(form, "flow_data[after_completion][redirect][return_url]", params->return_url);
}

enum result stripe_portal_session_create(struct stripe *stripe, const struct site *site,
    const struct stripe_portal_params *params, const char *idempotency_key, char **url,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	const char *found;
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "customer", params->customer);
	form_add(form, "return_url", params->return_url);
	if (params->flow != PORTAL_HOME)
		add_flow(form, params);
	result = stripe_call(stripe, site, "POST", "/v1/billing_portal/sessions", form,
	    idempotency_key, &answer, problem);
	if (result == RESULT_OK) {
		found = json_text(answer.object, "/url");
		if (found == NULL)
			result = stripe_unexpected(problem);
		else if ((*url = strdup(found)) == NULL)
			result = problem_memory(problem);
	}
	json_object_put(answer.object);
	form_free(form);
	return result;
}
