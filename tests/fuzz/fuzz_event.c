/* The body of a webhook request, all the way to what apply.lua is given. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "billing_event.h"
#include "json_read.h"
#include "peer.h"
#include "subscription.h"

static const char *customer_of(struct json_object *object)
{
	return json_id(object, json_text_is(object, "/object", "customer") ? "/id" : "/customer");
}

/* Only whom the object names for this site, or a reference that we signed, is linked. */
static void check_link(struct json_object *object, const char *user)
{
	if (user == NULL || json_text(object, "/client_reference_id") != NULL)
		return;
	assert(json_text_is(object, "/metadata/tollgate_site", FUZZ_SITE));
	assert(json_text_is(object, "/metadata/tollgate_user", user));
}

static void check_snapshot(struct json_object *snapshot)
{
	struct subscription subscription;

	assert(subscription_decode(json_text(snapshot, "/json"), &subscription));
	assert(json_text_is(snapshot, "/id", subscription.id));
}

static void check_notice(struct json_object *notice)
{
	const char *data = json_text(notice, "/data");
	struct json_object *object = json_parse_object(data, strlen(data));

	assert(json_text(notice, "/type") != NULL && object != NULL);
	json_object_put(object);
}

static void check_change(const struct stripe_event *event, const char *json)
{
	struct json_object *change = json_parse_object(json, strlen(json));
	struct json_object *snapshots = json_at(change, "/snapshots");
	struct json_object *notices = json_at(change, "/notices");
	const char *customer = json_text(change, "/customer");

	assert(change != NULL && json_text_is(change, "/event", event->id));
	assert(json_integer(change, "/as_of") == event->created);
	assert(customer == NULL || strcmp(customer, customer_of(event->object)) == 0);
	check_link(event->object, json_text(change, "/link_user"));
	for (size_t i = 0; i < json_length(snapshots); i++)
		check_snapshot(json_object_array_get_idx(snapshots, i));
	for (size_t i = 0; i < json_length(notices); i++)
		check_notice(json_object_array_get_idx(notices, i));
	json_object_put(change);
}

/* Refused, it would come again for three days: whatever an event says, it is taken. */
static void take(struct store *store, const struct stripe_event *event)
{
	enum event_outcome outcome;
	struct problem problem;
	char *word = NULL, *last = NULL;

	assert(billing_event_take(store, peer_site, event, FUZZ_NOW, &outcome, &problem) == RESULT_OK);
	while ((word = peer_last_word()) != NULL) {
		free(last);
		last = word;
	}
	assert(last != NULL);
	if (outcome == EVENT_APPLIED)
		check_change(event, last);
	else
		assert(strcmp(last, "1") == 0
		    && (outcome == EVENT_IGNORED || outcome == EVENT_OTHER_ACCOUNT
		        || outcome == EVENT_OTHER_SITE));
	free(last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char answers[] = "=applied\n\n=applied";
	const struct fuzz_input script = { answers, sizeof(answers) - 1 };
	struct store *store = store_new(&peer_settings);
	struct secret key = fuzz_key;
	struct stripe_event event;

	assert(store != NULL);
	peer_script(&script);
	peer_site->identity_keys = &key;
	peer_site->n_identity_keys = 1;
	peer_site->finalize_invoices = true;
	if (stripe_event_parse((const char *)data, size, &event)) {
		assert(event.id != NULL && event.type != NULL && (event.thin || event.object != NULL));
		take(store, &event);
		stripe_event_free(&event);
	}
	store_free(store);
	peer_close();
	return 0;
}
