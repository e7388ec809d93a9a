#include "billing_access.h"

#include <string.h>

#include "billing_requirement.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The more a reason helps who is turned away, the greater its weight; who is
 * asked to wait or to pay is told so before she is told to buy. */
static const struct {
	const char *word;
	int weight;
} reasons[] = {
	[REASON_NONE]            = { "",                100 },
	[REASON_UNIDENTIFIED]    = { "unidentified",      0 },
	[REASON_MISCONFIGURED]   = { "misconfigured",     0 },
	[REASON_UNAVAILABLE]     = { "unavailable",      11 },
	[REASON_STALE]           = { "stale",            10 },
	[REASON_PROCESSING]      = { "processing",        9 },
	[REASON_PAYMENT_FAILED]  = { "payment_failed",    8 },
	[REASON_PAST_DUE]        = { "past_due",          7 },
	[REASON_UNPAID]          = { "unpaid",            6 },
	[REASON_INCOMPLETE]      = { "incomplete",        5 },
	[REASON_PAUSED]          = { "paused",            4 },
	[REASON_OTHER_PLAN]      = { "other_plan",        3 },
	[REASON_CANCELED]        = { "canceled",          2 },
	[REASON_NO_SUBSCRIPTION] = { "no_subscription",   1 },
};

enum rule { NEVER, WHILE_PAID, WHILE_OVERDUE };

/* The rule of a status, and the reason of whom it turns away. */
static const struct {
	enum rule rule;
	enum access_reason reason;
} status_rules[] = {
	/* A word of Stripe's that is new to us proves no payment, and no lack of one. */
	[SUBSCRIPTION_UNKNOWN]            = { NEVER,         REASON_UNAVAILABLE },
	[SUBSCRIPTION_INCOMPLETE]         = { NEVER,         REASON_INCOMPLETE },
	[SUBSCRIPTION_INCOMPLETE_EXPIRED] = { NEVER,         REASON_NO_SUBSCRIPTION },
	[SUBSCRIPTION_TRIALING]           = { WHILE_PAID,    REASON_STALE },
	[SUBSCRIPTION_ACTIVE]             = { WHILE_PAID,    REASON_STALE },
	[SUBSCRIPTION_PAST_DUE]           = { WHILE_OVERDUE, REASON_PAST_DUE },
	[SUBSCRIPTION_UNPAID]             = { NEVER,         REASON_UNPAID },
	[SUBSCRIPTION_PAUSED]             = { NEVER,         REASON_PAUSED },
	[SUBSCRIPTION_CANCELED]           = { NEVER,         REASON_CANCELED },
};

static const bool served_while_collection[] = {
	[COLLECTION_RUNS]               = true,
	[COLLECTION_MARK_UNCOLLECTIBLE] = true,
	[COLLECTION_VOID]               = false,
	[COLLECTION_KEEP_AS_DRAFT]      = false,
	[COLLECTION_UNKNOWN]            = false,
};

static const enum access_reason first_payment_reasons[2][4] = {
	[PROCESSING_ALLOW] = {
		[FIRST_PAYMENT_UNKNOWN]    = REASON_NONE,
		[FIRST_PAYMENT_PROCESSING] = REASON_NONE,
		[FIRST_PAYMENT_FAILED]     = REASON_PAYMENT_FAILED,
		[FIRST_PAYMENT_PAID]       = REASON_NONE,
	},
	[PROCESSING_WAIT] = {
		[FIRST_PAYMENT_UNKNOWN]    = REASON_PROCESSING,
		[FIRST_PAYMENT_PROCESSING] = REASON_PROCESSING,
		[FIRST_PAYMENT_FAILED]     = REASON_PAYMENT_FAILED,
		[FIRST_PAYMENT_PAID]       = REASON_NONE,
	},
};

const char *access_reason_str(enum access_reason reason)
{
	return reasons[reason].word;
}

/* When the subscription is set to end, 0 = it goes on. Where items have
 * different periods, cancel_at and not their end is the time. */
static int64_t set_end(const struct subscription *snapshot, const struct subscription_item *item)
{
	if (snapshot->cancel_at)
		return snapshot->cancel_at;
	return snapshot->cancel_at_period_end ? item->current_period_end : 0;
}

/* Grace bridges the time until a renewal is known, so what is set to end has none. */
static int64_t passes_until(const struct site *site, const struct subscription_record *record,
    const struct subscription_item *item)
{
	int64_t end = set_end(&record->snapshot, item);
	int64_t until = 0;

	switch (status_rules[record->snapshot.status].rule) {
	case NEVER:
		return 0;
	case WHILE_PAID:
		until = item->current_period_end + site->grace;
		break;
	case WHILE_OVERDUE:
		until = (record->past_due_since ? record->past_due_since : record->as_of) +
		    site->past_due_grace;
		break;
	}
	return end && end < until ? end : until;
}

/* What the first invoice has to say: only of an active subscription. */
static enum access_reason first_payment_reason(const struct site *site,
    const struct subscription_record *record, int64_t now)
{
	const struct subscription *snapshot = &record->snapshot;

	if (snapshot->status != SUBSCRIPTION_ACTIVE)
		return REASON_NONE;
	if (record->first_payment == FIRST_PAYMENT_UNKNOWN && !subscription_debit_may_run(snapshot, now))
		return REASON_NONE;
	return first_payment_reasons[site->processing][record->first_payment];
}

bool access_record_passes(const struct site *site, const struct subscription_record *record,
    const struct subscription_item *item, int64_t now, int64_t *until, enum access_reason *reason)
{
	enum access_reason first_payment = first_payment_reason(site, record, now);

	*until = passes_until(site, record, item);
	if (now >= *until)
		*reason = status_rules[record->snapshot.status].reason;
	else if (!served_while_collection[record->snapshot.pause_collection])
		*reason = REASON_PAUSED;
	else if (record->snapshot.status == SUBSCRIPTION_TRIALING && record->snapshot.setup_due)
		*reason = REASON_INCOMPLETE;
	else if (first_payment != REASON_NONE)
		*reason = first_payment;
	else
		return true;
	return false;
}

/* Whose debit failed, or who canceled before it could, would otherwise go on from
 * debit to debit and never pay. What is paid is no matter of trust. */
static bool has_defaulted(const struct store_user *user)
{
	for (size_t i = 0; i < user->n_records; i++) {
		const struct subscription_record *record = &user->records[i];

		if (record->first_payment == FIRST_PAYMENT_FAILED ||
		    (record->first_payment == FIRST_PAYMENT_PROCESSING &&
		     subscription_rank(record->snapshot.status) == RANK_FINAL))
			return true;
	}
	return false;
}

bool access_first_payment_unheard(const struct subscription_record *record, int64_t now)
{
	const struct subscription *snapshot = &record->snapshot;

	return snapshot->status == SUBSCRIPTION_ACTIVE && !snapshot->send_invoice &&
	    record->first_payment == FIRST_PAYMENT_UNKNOWN &&
	    subscription_debit_may_run(snapshot, now);
}

/* Of who defaulted before. What was not heard of may have been paid by card. */
static enum access_reason trust_reason(const struct subscription_record *record, int64_t now)
{
	if (access_first_payment_unheard(record, now))
		return REASON_STALE;
	return record->snapshot.status == SUBSCRIPTION_ACTIVE &&
	    record->first_payment == FIRST_PAYMENT_PROCESSING ? REASON_PROCESSING : REASON_NONE;
}

bool access_item_passes(const struct site *site, const struct store_user *user,
    const struct subscription_record *record, const struct subscription_item *item, int64_t now,
    int64_t *until, enum access_reason *reason)
{
	enum access_reason trust = trust_reason(record, now);

	if (!access_record_passes(site, record, item, now, until, reason))
		return false;
	if (trust == REASON_NONE || !has_defaulted(user))
		return true;
	*reason = trust;
	return false;
}

/* What a plan and an item are compared by. */
struct match {
	const struct plan *plan;
	const struct subscription_item *item;
	const struct store_price *prices;
	size_t n_prices;
};

static bool by_price(const struct match *match)
{
	return words_include(&match->plan->prices, match->item->price);
}

static bool by_lookup_key(const struct match *match)
{
	return words_include(&match->plan->lookup_keys, match->item->lookup_key);
}

/* The price was given the lookup key after the record was written. */
static bool by_present_lookup_key(const struct match *match)
{
	for (size_t i = 0; i < match->n_prices; i++)
		if (strcmp(match->prices[i].id, match->item->price) == 0 &&
		    words_include(&match->plan->lookup_keys, match->prices[i].lookup_key))
			return true;
	return false;
}

/* The same product as that of one of the plan's prices, which may have taken
 * the place of the item's. */
static bool by_product(const struct match *match)
{
	const char *product = match->item->product;

	if (match->plan->product && *product && strcmp(match->plan->product, product) == 0)
		return true;
	for (size_t i = 0; *product && i < match->n_prices; i++)
		if (strcmp(match->prices[i].product, product) == 0 &&
		    (words_include(&match->plan->prices, match->prices[i].id) ||
		     words_include(&match->plan->lookup_keys, match->prices[i].lookup_key)))
			return true;
	return false;
}

/* Two plans may be two prices of one product, so what names the item's own
 * price decides. Only a price of no plan falls back to its product, and then
 * to the first plan of the configuration that has it: to take her for all of
 * them would give the dearest plan to whoever once bought the cheapest, to take
 * her for none would lock a payer out. */
const struct plan *access_item_plan(const struct site *site, const struct subscription_item *item,
    const struct store_price *prices, size_t n_prices)
{
	static bool (*const finest_first[])(const struct match *match) = {
		by_price, by_lookup_key, by_present_lookup_key, by_product,
	};

	for (size_t i = 0; i < COUNT(finest_first); i++)
		for (size_t j = 0; j < site->n_plans; j++)
			if (finest_first[i](&(struct match){ &site->plans[j], item, prices, n_prices }))
				return &site->plans[j];
	return NULL;
}

/* One item of one record, and what became of it. */
struct verdict {
	enum access_reason reason;
	enum subscription_status status;
	const struct plan *plan;
	int64_t until;
};

/* The decision under way. */
struct decider {
	const struct site *site;
	const struct store_user *user;
	const struct access_catalogue *catalogue;
	int64_t now;
	struct requirement requirement;
	struct access_decision *decision;
};

static bool feature_listed(const char *list, const char *feature)
{
	size_t length = strlen(feature);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == length && memcmp(at, feature, length) == 0)
			return true;
	return false;
}

/* A key that does not fit is left out whole. */
static void feature_add(struct access_decision *decision, const char *feature)
{
	size_t length = strlen(decision->features);
	size_t more = strlen(feature);

	if (feature_listed(decision->features, feature) ||
	    length + 1 + more >= sizeof(decision->features))
		return;
	if (length > 0)
		decision->features[length++] = ',';
	memcpy(decision->features + length, feature, more + 1);
}

static void plan_features_add(struct access_decision *decision, const struct plan *plan)
{
	for (size_t i = 0; i < plan->features.count; i++)
		feature_add(decision, plan->features.word[i]);
}

/* A plan's features hold while it is paid for. */
static void add_passing(struct decider *decider, const struct plan *plan, int64_t until)
{
	if (plan)
		plan_features_add(decider->decision, plan);
	if (until < decider->decision->holds_until)
		decider->decision->holds_until = until;
}

static enum entitlement entitled(const struct decider *decider, const char *feature)
{
	return entitlement_of(decider->site, decider->user, decider->catalogue, feature, decider->now);
}

/* What she has by Stripe, for the requirement and to be listed. */
static void add_entitlements(struct decider *decider)
{
	for (size_t i = 0; i < decider->requirement.count; i++) {
		struct alternative *alternative = &decider->requirement.alternatives[i];

		if (alternative->kind == ALTERNATIVE_FEATURE)
			alternative->entitlement = entitled(decider, alternative->word);
	}
	for (size_t i = 0; i < decider->user->n_features; i++)
		if (entitled(decider, decider->user->features[i]) == ENTITLED)
			feature_add(decider->decision, decider->user->features[i]);
}

/* The better verdict stays; of two that pass the one that lasts longer. */
static void settle(struct access_decision *decision, const struct verdict *verdict)
{
	int weight = reasons[verdict->reason].weight, best = reasons[decision->reason].weight;

	if (decision->has_subscription &&
	    (weight < best || (weight == best && verdict->until <= decision->until)))
		return;
	decision->pass = verdict->reason == REASON_NONE;
	decision->reason = verdict->reason;
	decision->status = verdict->status;
	decision->has_subscription = true;
	decision->plan = verdict->plan;
	decision->until = verdict->until;
}

/* What is of no use here still tells her that she has something else, as long as it lives. */
static void judge(struct decider *decider, const struct subscription_record *record,
    const struct subscription_item *item)
{
	const struct plan *plan = access_item_plan(decider->site, item, decider->catalogue->prices,
	    decider->catalogue->n_prices);
	struct verdict verdict = { REASON_NONE, record->snapshot.status, plan, 0 };
	bool passes = access_item_passes(decider->site, decider->user, record, item, decider->now,
	    &verdict.until, &verdict.reason);

	if (passes)
		add_passing(decider, plan, verdict.until);
	if (!requirement_met(&decider->requirement, item, plan, passes)) {
		if (!passes && !subscription_live(record->snapshot.status))
			return;
		verdict.reason = passes && requirement_unsure(&decider->requirement) ?
		    REASON_UNAVAILABLE : REASON_OTHER_PLAN;
	}
	settle(decider->decision, &verdict);
}

static void judge_free_plans(struct decider *decider)
{
	struct access_decision *decision = decider->decision;
	const struct site *site = decider->site;

	for (size_t i = 0; i < site->n_plans; i++) {
		if (!site->plans[i].free)
			continue;
		plan_features_add(decision, &site->plans[i]);
		if (decision->pass || !requirement_met_free(&decider->requirement, &site->plans[i]))
			continue;
		decision->pass = true;
		decision->reason = REASON_NONE;
		decision->has_subscription = false;
		decision->plan = &site->plans[i];
		decision->until = 0;
	}
}

void access_decide(const struct site *site, const char *require, const struct store_user *user,
    const struct access_catalogue *catalogue, int64_t now, struct access_decision *decision)
{
	struct decider decider = { site, user, catalogue, now, .decision = decision };

	*decision = (struct access_decision){ .reason = REASON_MISCONFIGURED, .holds_until = INT64_MAX };
	if (!requirement_parse(site, require, &decider.requirement))
		return;
	decision->reason = REASON_NO_SUBSCRIPTION;
	add_entitlements(&decider);
	for (size_t i = 0; i < user->n_records; i++)
		for (size_t j = 0; j < user->records[i].snapshot.n_items; j++)
			judge(&decider, &user->records[i], &user->records[i].snapshot.items[j]);
	judge_free_plans(&decider);
	if (!decision->pass)
		decision->until = 0;
}
