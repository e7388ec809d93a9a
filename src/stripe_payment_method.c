#include "stripe_payment_method.h"

#include <json-c/json.h>

#include "json_read.h"
#include "json_write.h"

/* What a subscriber knows her card or account by. */
static const char *const shown_details[] = {
	"brand", "display_brand", "last4", "exp_month", "exp_year", "funding", "bank_name", "bank_code",
	"bsb_number", "country", "email",
};
static const char *const shown_names[] = { "id", "object", "type", "created", "livemode" };

static void copy_fields(struct json_object *from, struct json_object *to, const char *const *names,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct json_object *value = NULL;

		if (json_object_object_get_ex(from, names[i], &value))
			json_add_read(to, names[i], value);
	}
}

static struct json_object *show(struct json_object *object, const char *type)
{
	struct json_object *shown = json_object_new_object(), *details = NULL, *of_type;

	copy_fields(object, shown, shown_names, sizeof(shown_names) / sizeof(shown_names[0]));
	json_object_object_get_ex(object, type, &details);
	of_type = json_object_new_object();
	if (json_object_is_type(details, json_type_object))
		copy_fields(details, of_type, shown_details,
		    sizeof(shown_details) / sizeof(shown_details[0]));
	json_add(shown, type, of_type);
	return shown;
}

static bool decode(struct json_object *object, struct stripe_payment_method *method)
{
	const char *type = json_text(object, "/type");

	if (type == NULL || json_text(object, "/id") == NULL ||
	    !json_copy_id(object, "/customer", method->customer, sizeof(method->customer)))
		return false;
	method->shown = show(object, type);
	return true;
}

static enum result method_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "payment_method_unknown", "paymentMethodId",
	    "There is no such payment method.");
}

/* Where an object of a kind has its payment method: pointers into the answer, the
 * first that holds one counts. */
struct source {
	const char *collection;
	const char *expand[2];
	const char *places[2];
};

static enum result pick(struct json_object *object, const struct source *source,
    struct stripe_payment_method *method, struct problem *problem)
{
	struct json_object *found = json_at(object, source->places[0]);

	if (found == NULL && source->places[1] != NULL)
		found = json_at(object, source->places[1]);
	if (found == NULL)
		return method_unknown(problem);
	return decode(found, method) ? RESULT_OK : stripe_unexpected(problem);
}

static enum result ask(struct stripe *stripe, const struct site *site, const struct source *source,
    const char *id, struct stripe_payment_method *method, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	char path[STRIPE_PATH_SIZE];
	struct form *form;
	enum result result;

	if (!stripe_path(path, source->collection, id, NULL))
		return method_unknown(problem);
	form = form_new();
	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "expand[]", source->expand[0]);
	form_add(form, "expand[]", source->expand[1]);
	result = stripe_call(stripe, site, "GET", path, form, NULL, &answer, problem);
	if (result == RESULT_OK)
		result = pick(answer.object, source, method, problem);
	else if (result == RESULT_NOT_FOUND)
		result = method_unknown(problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

enum result stripe_payment_method_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_payment_method *method, struct problem *problem)
{
	static const struct source source = { "/v1/payment_methods/", { NULL }, { "" } };

	return ask(stripe, site, &source, id, method, problem);
}

enum result stripe_payment_method_of_subscription(struct stripe *stripe, const struct site *site,
    const char *subscription, struct stripe_payment_method *method, struct problem *problem)
{
	static const struct source source = { "/v1/subscriptions/",
		{ "default_payment_method", "customer.invoice_settings.default_payment_method" },
		{ "/default_payment_method", "/customer/invoice_settings/default_payment_method" } };

	return ask(stripe, site, &source, subscription, method, problem);
}

enum result stripe_payment_method_of_customer(struct stripe *stripe, const struct site *site,
    const char *customer, struct stripe_payment_method *method, struct problem *problem)
{
	static const struct source source = { "/v1/customers/",
		{ "invoice_settings.default_payment_method" },
		{ "/invoice_settings/default_payment_method" } };

	return ask(stripe, site, &source, customer, method, problem);
}
