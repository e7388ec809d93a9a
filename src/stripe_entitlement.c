#include "stripe_entitlement.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "json_read.h"

#define PAGE 100

/* A list of objects that name a feature each. */
struct source {
	const char *path;
	const char *customer;    /* NULL = not asked for */
	const char *lookup_key;  /* where it stands in an object */
};

/* One page onto the end of the list; *cursor is the last id seen. */
static enum result append_features(struct json_object *data, const char *lookup_key,
    char (**features)[LOOKUP_KEY_SIZE], size_t *n_features, char cursor[STRIPE_ID_SIZE],
    struct problem *problem)
{
	size_t i, length = json_length(data);
	char (*grown)[LOOKUP_KEY_SIZE];

	grown = reallocarray(*features, *n_features + length + 1, sizeof(*grown));
	if (grown == NULL)
		return problem_memory(problem);
	*features = grown;
	for (i = 0; i < length; i++) {
		struct json_object *object = json_object_array_get_idx(data, i);

		if (!json_copy_text(object, lookup_key, grown[*n_features], LOOKUP_KEY_SIZE) ||
		    !json_copy_text(object, "/id", cursor, STRIPE_ID_SIZE))
			return stripe_unexpected(problem);
		(*n_features)++;
	}
	return RESULT_OK;
}

static enum result read_page(struct stripe *stripe, const struct site *site,
    const struct source *source, const char *cursor, struct stripe_answer *answer,
    struct problem *problem)
{
	struct form *form = form_new();
	enum result result;

	if (form == NULL)
		return problem_memory(problem);
	form_add(form, "customer", source->customer);
	form_add_int(form, "limit", PAGE);
	form_add(form, "starting_after", cursor[0] != '\0' ? cursor : NULL);
	result = stripe_list(stripe, site, source->path, form, answer, problem);
	form_free(form);
	return result;
}

static enum result read_all(struct stripe *stripe, const struct site *site,
    const struct source *source, char (**features)[LOOKUP_KEY_SIZE], size_t *n_features,
    struct problem *problem)
{
	char (*found)[LOOKUP_KEY_SIZE] = NULL;
	char cursor[STRIPE_ID_SIZE] = "";
	size_t count = 0;
	enum result result;
	bool more = true;

	do {
		struct stripe_answer answer = { 0 };

		result = read_page(stripe, site, source, cursor, &answer, problem);
		if (result == RESULT_OK)
			result = append_features(json_at(answer.object, "/data"), source->lookup_key, &found,
			    &count, cursor, problem);
		more = result == RESULT_OK && json_truth(answer.object, "/has_more");
		json_object_put(answer.object);
	} while (more);
	if (result != RESULT_OK) {
		free(found);
		return result;
	}
	*features = found;
	*n_features = count;
	return RESULT_OK;
}

enum result stripe_entitlement_list(struct stripe *stripe, const struct site *site,
    const char *customer, char (**features)[LOOKUP_KEY_SIZE], size_t *n_features,
    struct problem *problem)
{
	const struct source source = { "/v1/entitlements/active_entitlements", customer, "/lookup_key" };

	return read_all(stripe, site, &source, features, n_features, problem);
}

enum result stripe_product_feature_list(struct stripe *stripe, const struct site *site,
    const char *product, char (**features)[LOOKUP_KEY_SIZE], size_t *n_features,
    struct problem *problem)
{
	char path[STRIPE_PATH_SIZE];
	const struct source source = { path, NULL, "/entitlement_feature/lookup_key" };

	if (!stripe_path(path, "/v1/products/", product, "/features"))
		return problem_set(problem, RESULT_NOT_FOUND, "resource_missing", "product",
		    "There is no such product.");
	return read_all(stripe, site, &source, features, n_features, problem);
}
