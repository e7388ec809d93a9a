#include "stripe_customer_session.h"

#include <json-c/json.h>

#include "hex.h"
#include "json_read.h"

static bool decode(struct json_object *object, struct stripe_customer_session *session)
{
	session->expires_at = json_integer(object, "/expires_at");
	return json_copy_text(object, "/client_secret", session->client_secret,
	    sizeof(session->client_secret)) && session->client_secret[0] != '\0';
}

/* Two of them do no harm, so that the key has only to be the same on each try. */
enum result stripe_customer_session_create(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_customer_session *session, struct problem *problem)
{
	char idempotency_key[HEX_RANDOM_SIZE];
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL || !hex_random(idempotency_key)) {
		form_free(form);
		return problem_memory(problem);
	}
	form_add(form, "customer", customer);
	form_add_bool(form, "components[pricing_table][enabled]", true);
	result = stripe_call(stripe, site, "POST", "/v1/customer_sessions", form, idempotency_key, &answer,
	    problem);
	if (result == RESULT_OK && !decode(answer.object, session))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}
