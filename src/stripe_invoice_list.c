#include "stripe_invoice_list.h"

#include <json-c/json.h>

#include "json_read.h"

enum result stripe_invoice_list(struct stripe *stripe, const struct site *site,
    const char *customer, int64_t limit, const char *after, struct json_object **list,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "customer", customer);
	form_add_int(form, "limit", limit);
	form_add(form, "starting_after", after[0] != '\0' ? after : NULL);
	result = stripe_list(stripe, site, "/v1/invoices", form, &answer, problem);
	form_free(form);
	if (result == RESULT_OK)
		*list = answer.object;
	return result;
}
