#include "billing_event.h"

#include <string.h>

#include "billing_effect.h"
#include "json_read.h"
#include "log.h"

/* What each type does: its effect, which may mark dirty and tell by itself, then
 * when the customer is to be read again, and the notice. NULL = none. */
static const struct rule {
	const char *type;
	event_effect_make *effect;
	enum store_dirty dirty;
	const char *notice;
} rules[] = {
#define SUBSCRIPTION "customer.subscription."
	{ SUBSCRIPTION "created",                 effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "updated",                 effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "deleted",                 effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "paused",                  effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "resumed",                 effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "pending_update_applied",  effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "pending_update_expired",  effect_subscription, DIRTY_BY_RULES, NULL },
	{ SUBSCRIPTION "trial_will_end",          effect_trial_will_end, DIRTY_BY_RULES, NULL },

	{ "entitlements.active_entitlement_summary.updated", effect_entitlements, DIRTY_BY_RULES, NULL },

#define CHECKOUT "checkout.session."
	{ CHECKOUT "completed",               effect_checkout_completed, DIRTY_UNLESS_STORED, NULL },
	{ CHECKOUT "async_payment_succeeded", effect_checkout, DIRTY_ALWAYS, NULL },
	{ CHECKOUT "async_payment_failed",    effect_checkout_failed, DIRTY_ALWAYS, NULL },
	{ CHECKOUT "expired",                 effect_checkout, DIRTY_ALWAYS, NULL },

	{ "customer.created", effect_customer_created, DIRTY_BY_RULES, NULL },
	{ "customer.updated", effect_customer_updated, DIRTY_BY_RULES, NULL },
	{ "customer.deleted", effect_customer_deleted, DIRTY_BY_RULES, NULL },

	{ "invoice.created",                 effect_invoice_draft, DIRTY_BY_RULES, NULL },
	{ "invoice.finalized",               NULL, DIRTY_BY_RULES, "invoice_finalized" },
	{ "invoice.upcoming",                NULL, DIRTY_BY_RULES, "invoice_upcoming" },
	{ "invoice.overdue",                 NULL, DIRTY_BY_RULES, "invoice_overdue" },
	{ "invoice.will_be_due",             NULL, DIRTY_BY_RULES, "invoice_will_be_due" },
	{ "invoice.finalization_failed",     effect_invoice_unfinished, DIRTY_BY_RULES, "invoice_finalization_failed" },
	{ "invoice.paid",                    effect_invoice_paid, DIRTY_BY_RULES, NULL },
	{ "invoice.payment_succeeded",       effect_invoice_paid, DIRTY_BY_RULES, NULL },
	{ "invoice.payment_failed",          effect_invoice_failed, DIRTY_BY_RULES, "payment_failed" },
	{ "invoice.payment_action_required", NULL, DIRTY_BY_RULES, "payment_action_required" },
	{ "invoice.voided",                  NULL, DIRTY_ALWAYS, NULL },
	{ "invoice.marked_uncollectible",    NULL, DIRTY_ALWAYS, NULL },
	{ "invoice.updated",                 effect_invoice_updated, DIRTY_BY_RULES, NULL },

	{ "payment_intent.created",        NULL, DIRTY_IF_FIRST_PAYMENT_OPEN, NULL },
	{ "payment_intent.processing",     NULL, DIRTY_IF_FIRST_PAYMENT_BEGINS, NULL },
	{ "payment_intent.succeeded",      NULL, DIRTY_IF_FIRST_PAYMENT_OPEN, NULL },
	{ "payment_intent.payment_failed", NULL, DIRTY_IF_FIRST_PAYMENT_OPEN, NULL },

#define SCHEDULE "subscription_schedule."
	{ SCHEDULE "aborted",   NULL, DIRTY_ALWAYS, NULL },
	{ SCHEDULE "canceled",  NULL, DIRTY_ALWAYS, NULL },
	{ SCHEDULE "completed", NULL, DIRTY_ALWAYS, NULL },
	{ SCHEDULE "created",   NULL, DIRTY_ALWAYS, NULL },
	{ SCHEDULE "expiring",  NULL, DIRTY_ALWAYS, "subscription_schedule_expiring" },
	{ SCHEDULE "released",  NULL, DIRTY_ALWAYS, NULL },
	{ SCHEDULE "updated",   NULL, DIRTY_ALWAYS, NULL },
};

static const char *const outcome_words[] = {
	[EVENT_APPLIED] = "applied",
	[EVENT_SEEN] = "seen",
	[EVENT_STALE] = "stale",
	[EVENT_IGNORED] = "ignored",
	[EVENT_OTHER_MODE] = "other_mode",
	[EVENT_OTHER_ACCOUNT] = "unknown_account",
	[EVENT_OTHER_SITE] = "other_site",
};

const char *event_outcome_str(enum event_outcome outcome)
{
	return outcome_words[outcome];
}

static const struct rule *rule_of(const struct stripe_event *event)
{
	for (size_t i = 0; !event->thin && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (strcmp(rules[i].type, event->type) == 0)
			return &rules[i];
	}
	return NULL;
}

bool billing_event_is_of_account(const struct site *site, const struct stripe_event *event)
{
	if (!site->stripe_account || !event->account)
		return !site->stripe_account && !event->account;
	return strcmp(site->stripe_account, event->account) == 0;
}

bool billing_event_known(const struct stripe_event *event)
{
	return rule_of(event) != NULL;
}

/* Sites that share an account get each other's events: what is one's customer must
 * not be told to another. An invoice has its subscription's metadata. */
static bool is_of_other_site(const struct site *site, const struct stripe_event *event)
{
	static const char *const pointers[] = {
		"/metadata/tollgate_site",
		"/parent/subscription_details/metadata/tollgate_site",
		"/subscription_details/metadata/tollgate_site",
	};

	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		const char *name = json_text(event->object, pointers[i]);

		if (name && name[0] && strcmp(name, site->name) != 0)
			return true;
	}
	return false;
}

/* What must change nothing is told apart before anything is looked at. */
static bool is_for(const struct site *site, const struct stripe_event *event,
    enum event_outcome *outcome)
{
	if (!rule_of(event))
		*outcome = EVENT_IGNORED;
	else if (site->livemode >= 0 && site->livemode != event->livemode)
		*outcome = EVENT_OTHER_MODE;
	else if (!billing_event_is_of_account(site, event))
		*outcome = EVENT_OTHER_ACCOUNT;
	else if (is_of_other_site(site, event))
		*outcome = EVENT_OTHER_SITE;
	else
		return true;
	return false;
}

static enum result effect_make(const struct rule *rule, struct event_effect *effect)
{
	enum result result = RESULT_OK;

	effect->change.dirty = rule->dirty;
	if (rule->effect)
		result = rule->effect(effect);
	return result == RESULT_OK && rule->notice ? event_effect_tell(effect, rule->notice) : result;
}

static enum result apply(struct store *store, const struct event_effect *effect,
    enum event_outcome *outcome, struct problem *problem)
{
	static const enum event_outcome outcomes[] = {
		[APPLIED] = EVENT_APPLIED,
		[APPLIED_SEEN] = EVENT_SEEN,
		[APPLIED_STALE] = EVENT_STALE,
	};
	enum store_applied applied;
	enum result result = store_apply(store, effect->site, &effect->change, &applied, problem);

	if (result == RESULT_OK)
		*outcome = outcomes[applied];
	return result;
}

enum result billing_event_take(struct store *store, const struct site *site,
    const struct stripe_event *event, int64_t now, enum event_outcome *outcome,
    struct problem *problem)
{
	struct event_effect effect;
	enum result result;

	if (!is_for(site, event, outcome)) {
		store_event_count(store, site, event_outcome_str(*outcome));
		return RESULT_OK;
	}
	event_effect_begin(&effect, site, event, now);
	result = effect_make(rule_of(event), &effect);
	if (result == RESULT_INVALID) {
		/* Refused, it would come again for three days: Stripe is asked instead. */
		log_event(LOG_LEVEL_WARNING, "event not understood", "id", event->id,
		    "type", event->type, NULL);
		event_effect_free(&effect);
		event_effect_begin(&effect, site, event, now);
		effect.change.dirty = DIRTY_ALWAYS;
		result = RESULT_OK;
	}
	/* For want of memory it must come again: nothing else would tell what it tells. */
	result = result == RESULT_OK ? apply(store, &effect, outcome, problem) : problem_memory(problem);
	event_effect_free(&effect);
	return result;
}
