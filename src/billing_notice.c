#include "billing_notice.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "json_read.h"
#include "json_write.h"

/* A member of the data and where the object has it; of several places the
 * first that has it counts. A null name ends. */
struct fact {
	const char *name;
	const char *pointer;
};

static const struct fact invoice_facts[] = {
	{ "invoice", "/id" },
	{ "number", "/number" },
	{ "subscription", "/parent/subscription_details/subscription" },
	{ "subscription", "/subscription" },
	{ "status", "/status" },
	{ "billing_reason", "/billing_reason" },
	{ "amount_due", "/amount_due" },
	{ "amount_paid", "/amount_paid" },
	{ "currency", "/currency" },
	{ "due_date", "/due_date" },
	{ "attempt_count", "/attempt_count" },
	{ "next_payment_attempt", "/next_payment_attempt" },
	{ "hosted_invoice_url", "/hosted_invoice_url" },
	{ "error_type", "/last_finalization_error/type" },
	{ "error_code", "/last_finalization_error/code" },
	{ "error_message", "/last_finalization_error/message" },
	{ "automatic_tax_status", "/automatic_tax/status" },
	{ NULL, NULL },
};

static const struct fact session_facts[] = {
	{ "session", "/id" },
	{ "subscription", "/subscription" },
	{ "payment_status", "/payment_status" },
	{ NULL, NULL },
};

static const struct fact trial_facts[] = {
	{ "subscription", "/id" },
	{ "status", "/status" },
	{ "trial_end", "/trial_end" },
	{ "cancel_at", "/cancel_at" },
	{ NULL, NULL },
};

static const struct fact schedule_facts[] = {
	{ "schedule", "/id" },
	{ "subscription", "/subscription" },
	{ "status", "/status" },
	{ "ends_at", "/current_phase/end_date" },
	{ NULL, NULL },
};

static const struct {
	const char *type;
	const struct fact *facts;
} types[] = {
	{ "trial_will_end", trial_facts },
	{ "payment_succeeded", invoice_facts },
	{ "payment_failed", invoice_facts },
	{ "payment_action_required", invoice_facts },
	{ "invoice_finalized", invoice_facts },
	{ "invoice_upcoming", invoice_facts },
	{ "invoice_overdue", invoice_facts },
	{ "invoice_will_be_due", invoice_facts },
	{ "invoice_finalization_failed", invoice_facts },
	{ "checkout_async_payment_failed", session_facts },
	{ "unlinked_subscription", session_facts },
	{ "subscription_schedule_expiring", schedule_facts },
};

static const struct fact *facts_of(const char *type)
{
	static const struct fact none[] = { { NULL, NULL } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].type, type) == 0)
			return types[i].facts;
	}
	return none;
}

/* An object in the place of an id was expanded: its id is what is told. */
static struct json_object *value_at(struct json_object *object, const char *pointer)
{
	struct json_object *value = json_at(object, pointer);

	return json_object_is_type(value, json_type_object) ? json_at(value, "/id") : value;
}

static bool add_fact(struct json_object *data, struct json_object *object, const struct fact *fact)
{
	struct json_object *value = value_at(object, fact->pointer);

	if (!value || json_object_object_get_ex(data, fact->name, NULL))
		return true;
	return json_add_read(data, fact->name, value);
}

char *billing_notice_data(const char *type, struct json_object *object)
{
	struct json_object *data = json_object_new_object();
	const char *text;
	char *copy = NULL;

	if (!data)
		return NULL;
	for (const struct fact *fact = facts_of(type); fact->name; fact++) {
		if (!add_fact(data, object, fact))
			goto out;
	}
	text = json_write(data);
	copy = text ? strdup(text) : NULL;
out:
	json_object_put(data);
	return copy;
}
