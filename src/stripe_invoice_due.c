#include "stripe_invoice_due.h"

#include <json-c/json.h>

#include "json_read.h"

static bool decode(struct json_object *object, struct stripe_invoice_due *invoice)
{
	struct stripe_invoice_due read = { 0 };

	if (!json_copy_text(object, "/id", read.id, sizeof(read.id)) || read.id[0] == '\0' ||
	    !json_copy_text(object, "/status", read.status, sizeof(read.status)) ||
	    !json_copy_text(object, "/confirmation_secret/client_secret", read.client_secret,
	    sizeof(read.client_secret)))
		return false;
	read.amount_due = json_integer(object, "/amount_due");
	*invoice = read;
	return true;
}

static enum result invoice_unknown(struct problem *problem)
{
	return problem_set(problem, RESULT_NOT_FOUND, "invoice_unknown", NULL,
	    "There is no such invoice.");
}

/* Of `id`, or with `id` NULL the first of a list. Ends the form. */
static enum result invoice_call(struct stripe *stripe, const struct site *site, const char *id,
    struct form *form, const char *idempotency_key, struct stripe_invoice_due *invoice,
    struct problem *problem)
{
	char path[STRIPE_PATH_SIZE] = "/v1/invoices";
	struct stripe_answer answer = { 0 };
	struct json_object *found;
	enum result result;

	if (id != NULL &&
	    !stripe_path(path, "/v1/invoices/", id, idempotency_key != NULL ? "/finalize" : NULL))
		result = invoice_unknown(problem);
	else
		result = stripe_call(stripe, site, idempotency_key != NULL ? "POST" : "GET", path, form,
		    idempotency_key, &answer, problem);
	found = id != NULL ? answer.object : json_at(answer.object, "/data/0");
	if (result == RESULT_OK && found == NULL)
		result = invoice_unknown(problem);
	if (result == RESULT_OK && !decode(found, invoice))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

enum result stripe_invoice_due_retrieve(struct stripe *stripe, const struct site *site,
    const char *id, struct stripe_invoice_due *invoice, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "expand[]", "confirmation_secret");
	return invoice_call(stripe, site, id, form, NULL, invoice, problem);
}

enum result stripe_invoice_due_finalize(struct stripe *stripe, const struct site *site,
    const char *id, const char *idempotency_key, struct stripe_invoice_due *invoice,
    struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add_bool(form, "auto_advance", true);
	form_add(form, "expand[]", "confirmation_secret");
	return invoice_call(stripe, site, id, form, idempotency_key, invoice, problem);
}

enum result stripe_invoice_due_open(struct stripe *stripe, const struct site *site,
    const char *subscription, struct stripe_invoice_due *invoice, struct problem *problem)
{
	struct form *form = form_new();

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "subscription", subscription);
	form_add(form, "status", "open");
	form_add_int(form, "limit", 1);
	form_add(form, "expand[]", "data.confirmation_secret");
	return invoice_call(stripe, site, NULL, form, NULL, invoice, problem);
}
