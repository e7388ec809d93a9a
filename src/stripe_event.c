#include "stripe_event.h"

#include <json-c/json.h>
#include <string.h>

#include "json_read.h"

static bool id_valid(const char *id)
{
	return id && strncmp(id, "evt_", 4) == 0 && strlen(id) <= STRIPE_ID_MAX;
}

/* Thin events (v2) say when as ISO 8601 and carry no object. */
static bool event_read(struct stripe_event *event)
{
	const char *kind = json_text(event->json, "/object");

	event->id = json_text(event->json, "/id");
	event->type = json_text(event->json, "/type");
	if (!kind || !event->type || !id_valid(event->id))
		return false;
	event->livemode = json_truth(event->json, "/livemode");
	event->thin = strcmp(kind, "v2.core.event") == 0;
	if (event->thin)
		return true;
	event->account = json_text(event->json, "/account");
	event->created = json_integer(event->json, "/created");
	event->object = json_at(event->json, "/data/object");
	event->previous = json_at(event->json, "/data/previous_attributes");
	return strcmp(kind, "event") == 0 && event->created > 0
	    && json_object_is_type(event->object, json_type_object);
}

bool stripe_event_parse(const char *body, size_t length, struct stripe_event *event)
{
	struct stripe_event read = { 0 };

	while (length > 0 && memchr(" \t\r\n", body[length - 1], 4))
		length--;
	read.json = json_parse_object(body, length);
	if (!read.json || !event_read(&read)) {
		stripe_event_free(&read);
		return false;
	}
	*event = read;
	return true;
}

bool stripe_event_take(struct json_object *json, struct stripe_event *event)
{
	struct stripe_event read = { .json = json };

	if (!event_read(&read))
		return false;
	json_object_get(json);
	*event = read;
	return true;
}

void stripe_event_free(struct stripe_event *event)
{
	json_object_put(event->json);
	*event = (struct stripe_event){ 0 };
}
