/* create-customer: who pays. */
#include <json-c/json.h>

#include "billing_customer.h"
#include "endpoint_input.h"
#include "endpoint_table.h"
#include "endpoint_view.h"
#include "json_write.h"

#define TEXT_MAX 255

static enum result read_customer(const struct request *request, struct customer_wanted *wanted,
    struct problem *problem)
{
	struct stripe_address *address = &wanted->address;
	const struct {
		const char *field;
		const char **value;
	} fields[] = {
		{ "email", &wanted->email },
		{ "name", &wanted->name },
		{ "address[line1]", &address->line1 },
		{ "address[line2]", &address->line2 },
		{ "address[city]", &address->city },
		{ "address[state]", &address->state },
		{ "address[postal_code]", &address->postal_code },
		{ "address[country]", &address->country },
	};
	enum result result = RESULT_OK;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && result == RESULT_OK; i++)
		result = request_field(request, fields[i].field, TEXT_MAX, fields[i].value, problem);
	return result;
}

static struct json_object *view_customer(const char *id, const char *email)
{
	struct json_object *object = json_object_new_object(), *customer = json_object_new_object();

	json_add_text(customer, "id", id);
	json_add_text_or_null(customer, "email", email);
	json_add_text(object, "customerId", id);
	json_add(object, "customer", customer);
	return object;
}

enum result endpoint_create_customer(struct worker *worker, const struct request *request,
    struct response *response, struct problem *problem)
{
	const struct billing billing = input_billing(worker, request);
	char id[STRIPE_ID_SIZE], email[EMAIL_SIZE];
	struct customer_wanted wanted = { 0 };
	enum result result;

	result = read_customer(request, &wanted, problem);
	if (result == RESULT_OK)
		result = billing_customer_ensure(&billing, &wanted, id, email, problem);
	if (result == RESULT_OK)
		response_json(response, 200, view_customer(id, email));
	return result;
}
