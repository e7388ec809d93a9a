#include "stripe_event_list.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "log.h"

#define PAGE 100

/* One that cannot be read would be so for ever: it is passed over. */
static enum result page_take(struct json_object *data, struct stripe_event_list *list,
    char last[STRIPE_ID_SIZE], struct problem *problem)
{
	size_t length = json_length(data);
	void *grown = reallocarray(list->data, list->count + length + 1, sizeof(*list->data));

	if (!grown)
		return problem_memory(problem);
	list->data = grown;
	for (size_t i = 0; i < length; i++) {
		struct json_object *json = json_object_array_get_idx(data, i);

		if (!json_copy_text(json, "/id", last, STRIPE_ID_SIZE))
			return stripe_unexpected(problem);
		if (stripe_event_take(json, &list->data[list->count]))
			list->count++;
		else
			log_event(LOG_LEVEL_WARNING, "listed event not understood", "id", last, NULL);
	}
	list->more = list->more && length > 0;
	return RESULT_OK;
}

static enum result page_call(struct stripe *stripe, const struct site *site, int64_t from,
    int64_t to, struct stripe_event_list *list, char last[STRIPE_ID_SIZE], struct problem *problem)
{
	bool first = !last[0];
	struct stripe_answer answer = { 0 };
	struct form *form = form_new();
	enum result result;

	if (!form)
		return problem_memory(problem);
	form_add_int(form, "limit", PAGE);
	form_add_int(form, "created[gte]", from);
	if (to)
		form_add_int(form, "created[lt]", to);
	form_add(form, "starting_after", first ? NULL : last);
	result = stripe_list(stripe, site, "/v1/events", form, &answer, problem);
	if (result == RESULT_OK) {
		list->date = first ? answer.date : list->date;
		list->more = json_truth(answer.object, "/has_more");
		result = page_take(json_at(answer.object, "/data"), list, last, problem);
	}
	json_object_put(answer.object);
	form_free(form);
	return result;
}

enum result stripe_event_list(struct stripe *stripe, const struct site *site, int64_t from,
    int64_t to, size_t max, struct stripe_event_list *list, struct problem *problem)
{
	struct stripe_event_list read = { 0 };
	char last[STRIPE_ID_SIZE] = "";
	enum result result;

	do {
		result = page_call(stripe, site, from, to, &read, last, problem);
	} while (result == RESULT_OK && read.more && read.count < max);
	if (result == RESULT_OK)
		*list = read;
	else
		stripe_event_list_free(&read);
	return result;
}

void stripe_event_list_free(struct stripe_event_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		stripe_event_free(&list->data[i]);
	free(list->data);
	*list = (struct stripe_event_list){ 0 };
}
