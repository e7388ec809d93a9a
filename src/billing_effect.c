#include "billing_effect.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing_notice.h"
#include "client_reference.h"
#include "json_read.h"
#include "stripe_checkout_session.h"
#include "stripe_subscription.h"

static const char *customer_of(struct json_object *object)
{
	const char *pointer = json_text_is(object, "/object", "customer") ? "/id" : "/customer";
	const char *id = json_id(object, pointer);

	return id && id[0] && strlen(id) <= STRIPE_ID_MAX ? id : NULL;
}

void event_effect_begin(struct event_effect *effect, const struct site *site,
    const struct stripe_event *event, int64_t now)
{
	*effect = (struct event_effect){
		.site = site,
		.event = event,
		.change = {
			.event_id = event->id,
			.as_of = event->created,
			.now = now,
			.customer = customer_of(event->object),
		},
	};
}

void event_effect_free(struct event_effect *effect)
{
	for (size_t i = 0; i < EFFECT_NOTICES_MAX; i++)
		free(effect->data[i]);
	free(effect->features);
}

/* Room for the next notice; the two that an event can make are all there is. */
enum result event_effect_tell(struct event_effect *effect, const char *type)
{
	size_t i = effect->change.n_notices;

	effect->data[i] = billing_notice_data(type, effect->event->object);
	if (!effect->data[i])
		return RESULT_INTERNAL;
	effect->notices[i].type = type;
	effect->notices[i].data = effect->data[i];
	effect->change.notices = effect->notices;
	effect->change.n_notices++;
	return RESULT_OK;
}

/* The user whom tollgate itself wrote on the object, when it was for this site. */
static const char *user_of(const struct event_effect *effect)
{
	const char *user = json_text(effect->event->object, "/metadata/tollgate_user");

	return json_text_is(effect->event->object, "/metadata/tollgate_site", effect->site->name)
	    && user && identity_user_valid(user) ? user : NULL;
}

static enum result decode_before(struct event_effect *effect)
{
	struct json_object *before;
	bool decoded;

	if (!effect->event->previous)
		return RESULT_OK;
	before = stripe_object_before(effect->event->object, effect->event->previous);
	if (!before)
		return RESULT_INTERNAL;
	decoded = stripe_subscription_decode(before, &effect->before);
	json_object_put(before);
	effect->snapshot.before = decoded ? &effect->before : NULL;
	return decoded ? RESULT_OK : RESULT_INVALID;
}

enum result effect_subscription(struct event_effect *effect)
{
	struct json_object *object = effect->event->object;
	enum result result = RESULT_INVALID;

	if (stripe_subscription_decode(object, &effect->now))
		result = decode_before(effect);
	if (result != RESULT_OK)
		return result;
	effect->snapshot.subscription = &effect->now;
	effect->snapshot.reason = json_text(object, "/cancellation_details/reason");
	effect->change.snapshots = &effect->snapshot;
	effect->change.n_snapshots = 1;
	effect->change.link_user = user_of(effect);
	return RESULT_OK;
}

enum result effect_trial_will_end(struct event_effect *effect)
{
	enum result result = effect_subscription(effect);

	if (result == RESULT_OK)
		result = event_effect_tell(effect, "trial_will_end");
	effect->notices[0].until_read = effect->now.id;
	return result;
}

enum result effect_entitlements(struct event_effect *effect)
{
	struct json_object *data = json_at(effect->event->object, "/entitlements/data");
	struct store_change *change = &effect->change;
	size_t count;

	if (!json_object_is_type(data, json_type_array))
		return RESULT_INVALID;
	if (json_truth(effect->event->object, "/entitlements/has_more")) {
		change->dirty = DIRTY_ALWAYS;
		return RESULT_OK;
	}
	count = json_object_array_length(data);
	effect->features = calloc(count + 1, sizeof(*effect->features));
	if (!effect->features)
		return RESULT_INTERNAL;
	for (size_t i = 0; i < count; i++) {
		const char *key = json_text(json_object_array_get_idx(data, i), "/lookup_key");

		if (key && key[0] && strlen(key) < LOOKUP_KEY_SIZE)
			effect->features[change->n_features++] = key;
	}
	change->features = effect->features;
	change->has_features = true;
	return RESULT_OK;
}

/* The same of a session, which may have begun on a page of Stripe's: then the
 * reference must have been good when it ended, however late we hear of it. */
static const char *user_of_session(struct event_effect *effect)
{
	const char *reference = json_text(effect->event->object, "/client_reference_id");
	const struct site *site = effect->site;
	const char *user = user_of(effect);

	if (user || !reference)
		return user;
	return client_reference_read(reference, site->name, site->identity_keys, site->n_identity_keys,
	    effect->event->created, effect->user) ? effect->user : NULL;
}

/* Of a session for anything but a subscription nothing is kept. */
static bool is_ours(const struct event_effect *effect)
{
	return json_text_is(effect->event->object, "/mode", "subscription");
}

enum result effect_checkout(struct event_effect *effect)
{
	struct stripe_checkout_session said;
	struct store_session *kept = &effect->session;
	const char *user = user_of_session(effect);

	if (!is_ours(effect)) {
		effect->change.dirty = DIRTY_BY_RULES;
		return RESULT_OK;
	}
	if (!stripe_checkout_session_decode(effect->event->object, &said))
		return RESULT_INVALID;
	memcpy(kept->id, said.id, sizeof(kept->id));
	memcpy(kept->customer, said.customer, sizeof(kept->customer));
	memcpy(kept->subscription, said.subscription, sizeof(kept->subscription));
	memcpy(kept->status, said.status, sizeof(kept->status));
	memcpy(kept->payment_status, said.payment_status, sizeof(kept->payment_status));
	memcpy(kept->customer_email, said.customer_email, sizeof(kept->customer_email));
	snprintf(kept->user, sizeof(kept->user), "%s", user ? user : "");
	kept->expires_at = said.expires_at;
	effect->change.session = kept;
	return RESULT_OK;
}

enum result effect_checkout_completed(struct event_effect *effect)
{
	enum result result = effect_checkout(effect);

	if (result != RESULT_OK || !is_ours(effect))
		return result;
	effect->change.link_user = user_of_session(effect);
	effect->change.dirty_subscription = effect->session.subscription;
	effect->notices[0].only_unlinked = true;
	return event_effect_tell(effect, "unlinked_subscription");
}

enum result effect_checkout_failed(struct event_effect *effect)
{
	enum result result = effect_checkout(effect);

	return result == RESULT_OK && is_ours(effect) ?
	    event_effect_tell(effect, "checkout_async_payment_failed") : result;
}

enum result effect_customer_updated(struct event_effect *effect)
{
	const char *email = json_text(effect->event->object, "/email");

	effect->change.email = email ? email : "";
	effect->change.link_user = user_of(effect);
	return effect->change.customer ? RESULT_OK : RESULT_INVALID;
}

enum result effect_customer_created(struct event_effect *effect)
{
	effect->change.customer_created = true;
	return effect_customer_updated(effect);
}

enum result effect_customer_deleted(struct event_effect *effect)
{
	effect->change.customer_deleted = true;
	return effect->change.customer ? RESULT_OK : RESULT_INVALID;
}

/* Before 2025-03-31.basil it stood on the invoice itself. */
static const char *subscription_of(struct json_object *invoice)
{
	const char *id = json_id(invoice, "/parent/subscription_details/subscription");

	return id ? id : json_id(invoice, "/subscription");
}

enum result effect_invoice_draft(struct event_effect *effect)
{
	if (effect->site->finalize_invoices)
		effect->change.finalize_invoice = json_text(effect->event->object, "/id");
	return RESULT_OK;
}

enum result effect_invoice_unfinished(struct event_effect *effect)
{
	return json_text_is(effect->event->object, "/automatic_tax/status", "failed") ?
	    effect_invoice_draft(effect) : RESULT_OK;
}

/* A paid renewal settles the question of the first payment for good. */
enum result effect_invoice_paid(struct event_effect *effect)
{
	struct json_object *invoice = effect->event->object;

	if (json_text_is(invoice, "/billing_reason", "subscription_create")
	    || json_text_is(invoice, "/billing_reason", "subscription_cycle")) {
		effect->change.paid_invoice_subscription = subscription_of(invoice);
		effect->change.first_payment = FIRST_PAYMENT_PAID;
	}
	effect->notices[0].once = json_text(invoice, "/id");
	return event_effect_tell(effect, "payment_succeeded");
}

/* Who is sent invoices may pay them until they are due, a declined card or not. */
enum result effect_invoice_failed(struct event_effect *effect)
{
	struct json_object *invoice = effect->event->object;

	if (json_text_is(invoice, "/billing_reason", "subscription_create")
	    && json_text_is(invoice, "/collection_method", "charge_automatically")) {
		effect->change.paid_invoice_subscription = subscription_of(invoice);
		effect->change.first_payment = FIRST_PAYMENT_FAILED;
	}
	return RESULT_OK;
}

enum result effect_invoice_updated(struct event_effect *effect)
{
	struct json_object *invoice = effect->event->object;

	effect->change.dirty_subscription = subscription_of(invoice);
	if (json_text_is(invoice, "/status", "void") || json_text_is(invoice, "/status", "uncollectible"))
		effect->change.dirty = DIRTY_ALWAYS;
	else if (effect->change.dirty_subscription)
		effect->change.dirty = DIRTY_UNLESS_STORED;
	return RESULT_OK;
}
