#include "stripe_customer.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "json_read.h"

#define PAGE 100

static void add_address(struct form *form, const struct stripe_address *address)
{
	form_add(form, "address[line1]", address->line1);
	form_add(form, "address[line2]", address->line2);
	form_add(form, "address[city]", address->city);
	form_add(form, "address[state]", address->state);
	form_add(form, "address[postal_code]", address->postal_code);
	form_add(form, "address[country]", address->country);
}

enum result stripe_customer_create(struct stripe *stripe, const struct site *site,
    const struct stripe_customer_params *params, const char *idempotency_key,
    char id[STRIPE_ID_SIZE], struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "email", params->email);
	form_add(form, "name", params->name);
	add_address(form, &params->address);
	form_add(form, "metadata[tollgate_user]", params->user);
	form_add(form, "metadata[tollgate_site]", site->name);
	result = stripe_call(stripe, site, "POST", "/v1/customers", form, idempotency_key, &answer, problem);
	if (result == RESULT_OK && (!json_copy_text(answer.object, "/id", id, STRIPE_ID_SIZE) ||
	    id[0] == '\0'))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

bool stripe_customer_decode(struct json_object *object, const struct site *site,
    struct stripe_customer *customer)
{
	const char *home = json_text(object, "/metadata/tollgate_site");
	struct stripe_customer read = { 0 };

	if (!json_copy_text(object, "/id", read.id, sizeof(read.id)) || read.id[0] == '\0')
		return false;
	if (!json_copy_text(object, "/email", read.email, sizeof(read.email)))
		read.email[0] = '\0';
	if (home == NULL || strcmp(home, site->name) != 0 ||
	    !json_copy_text(object, "/metadata/tollgate_user", read.user, sizeof(read.user)))
		read.user[0] = '\0';
	read.unowned = home == NULL && json_text(object, "/metadata/tollgate_user") == NULL;
	read.deleted = json_truth(object, "/deleted");
	read.has_payment_method = json_id(object, "/invoice_settings/default_payment_method") != NULL ||
	    json_id(object, "/default_source") != NULL;
	*customer = read;
	return true;
}

enum result stripe_customer_retrieve(struct stripe *stripe, const struct site *site, const char *id,
    struct stripe_customer *customer, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	char path[STRIPE_PATH_SIZE];
	enum result result;

	if (!stripe_path(path, "/v1/customers/", id, NULL))
		return problem_set(problem, RESULT_NOT_FOUND, "customer_unknown", NULL, "No such customer.");
	result = stripe_call(stripe, site, "GET", path, NULL, NULL, &answer, problem);
	if (result == RESULT_OK && !stripe_customer_decode(answer.object, site, customer))
		result = stripe_unexpected(problem);
	json_object_put(answer.object);
	return result;
}

enum result stripe_customer_own(struct stripe *stripe, const struct site *site, const char *id,
    const char *user, struct problem *problem)
{
	char path[STRIPE_PATH_SIZE], key[HEX_RANDOM_SIZE];
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL || !stripe_path(path, "/v1/customers/", id, NULL) || !hex_random(key)) {
		form_free(form);
		return problem_memory(problem);
	}
	form_add(form, "metadata[tollgate_user]", user);
	form_add(form, "metadata[tollgate_site]", site->name);
	result = stripe_call(stripe, site, "POST", path, form, key, &answer, problem);
	json_object_put(answer.object);
	form_free(form);
	return result;
}

static enum result decode_page(struct json_object *data, const struct site *site,
    struct stripe_customer **customers, size_t *n_customers, struct problem *problem)
{
	size_t i, length = json_length(data);
	struct stripe_customer *found;

	found = calloc(length + 1, sizeof(*found));
	if (found == NULL)
		return problem_memory(problem);
	for (i = 0; i < length; i++)
		if (!stripe_customer_decode(json_object_array_get_idx(data, i), site, &found[i])) {
			free(found);
			return stripe_unexpected(problem);
		}
	*customers = found;
	*n_customers = length;
	return RESULT_OK;
}

enum result stripe_customer_page(struct stripe *stripe, const struct site *site,
    char last[STRIPE_ID_SIZE], struct stripe_customer **customers, size_t *n_customers,
    struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add_int(form, "limit", PAGE);
	form_add(form, "starting_after", last[0] != '\0' ? last : NULL);
	result = stripe_list(stripe, site, "/v1/customers", form, &answer, problem);
	if (result == RESULT_OK)
		result = decode_page(json_at(answer.object, "/data"), site, customers, n_customers, problem);
	if (result == RESULT_OK && *n_customers > 0 && json_truth(answer.object, "/has_more"))
		memcpy(last, (*customers)[*n_customers - 1].id, STRIPE_ID_SIZE);
	else
		last[0] = '\0';
	json_object_put(answer.object);
	form_free(form);
	return result;
}

/* Within quotes of the search language a quote and a backslash are escaped
 * (docs.stripe.com/search, "Search query language"). */
static void append_quoted(struct strbuf *query, const char *text)
{
	strbuf_append(query, "'");
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			strbuf_append(query, "\\");
		strbuf_append_bytes(query, text, 1);
	}
	strbuf_append(query, "'");
}

static bool is_users(struct json_object *customer, const struct site *site, const char *user)
{
	const char *found_user = json_text(customer, "/metadata/tollgate_user");
	const char *found_site = json_text(customer, "/metadata/tollgate_site");

	return found_user != NULL && found_site != NULL && strcmp(found_user, user) == 0 &&
	    strcmp(found_site, site->name) == 0 && !json_truth(customer, "/deleted");
}

static enum result collect_customers(struct json_object *data, const struct site *site,
    const char *user, char (**ids)[STRIPE_ID_SIZE], size_t *n_ids, struct problem *problem)
{
	size_t i, count = 0, length = json_length(data);
	char (*found)[STRIPE_ID_SIZE];

	found = calloc(length + 1, sizeof(*found));
	if (found == NULL)
		return problem_memory(problem);
	for (i = 0; i < length; i++) {
		struct json_object *customer = json_object_array_get_idx(data, i);

		if (is_users(customer, site, user) &&
		    json_copy_text(customer, "/id", found[count], STRIPE_ID_SIZE) && found[count][0] != '\0')
			count++;
	}
	*ids = found;
	*n_ids = count;
	return RESULT_OK;
}

enum result stripe_customer_search(struct stripe *stripe, const struct site *site, const char *user,
    char (**ids)[STRIPE_ID_SIZE], size_t *n_ids, struct problem *problem)
{
	struct stripe_answer answer = { 0 };
	struct strbuf query = STRBUF_INIT;
	struct form *form = form_new();
	enum result result;

	strbuf_append(&query, "metadata['tollgate_user']:");
	append_quoted(&query, user);
	strbuf_append(&query, " AND metadata['tollgate_site']:");
	append_quoted(&query, site->name);
	if (form == NULL || query.failed) {
		result = problem_memory(problem);
		goto out;
	}
	form_add(form, "query", strbuf_text(&query));
	form_add_int(form, "limit", PAGE);
	result = stripe_list(stripe, site, "/v1/customers/search", form, &answer, problem);
	if (result == RESULT_OK)
		result = collect_customers(json_at(answer.object, "/data"), site, user, ids, n_ids, problem);
out:
	json_object_put(answer.object);
	strbuf_free(&query);
	form_free(form);
	return result;
}
