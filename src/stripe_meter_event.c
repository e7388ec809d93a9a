#include "stripe_meter_event.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

/* For API v1 the code is not documented, the message is what is seen. */
static bool was_there_before(const struct problem *problem)
{
	return strcmp(problem->code, "duplicate_meter_event") == 0 ||
	    strstr(problem->message, "already exists with identifier") != NULL;
}

/* The identifier is what keeps it from counting twice, also long after: the
 * idempotency key has only to be the same on each try. */
enum result stripe_meter_event_create(struct stripe *stripe, const struct site *site,
    const struct stripe_meter_event *event, struct problem *problem)
{
	char idempotency_key[HEX_RANDOM_SIZE], value[24];
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL || !hex_random(idempotency_key)) {
		form_free(form);
		return problem_memory(problem);
	}
	snprintf(value, sizeof(value), "%" PRId64, event->value);
	form_add(form, "event_name", event->event_name);
	form_add(form, "identifier", event->identifier);
	form_add(form, "payload[stripe_customer_id]", event->customer);
	form_add(form, "payload[value]", value);
	result = stripe_call(stripe, site, "POST", "/v1/billing/meter_events", form, idempotency_key,
	    &answer, problem);
	if (result == RESULT_INVALID && was_there_before(problem))
		result = RESULT_OK;
	json_object_put(answer.object);
	form_free(form);
	return result;
}
