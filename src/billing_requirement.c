#include "billing_requirement.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool alternative_parse(const struct site *site, const char *text, size_t length,
    struct alternative *alternative)
{
	static const struct {
		const char *prefix;
		enum alternative_kind kind;
	} kinds[] = {
		{ "plan:", ALTERNATIVE_PLAN },
		{ "product:", ALTERNATIVE_PRODUCT },
		{ "feature:", ALTERNATIVE_FEATURE },
	};

	*alternative = (struct alternative){ .kind = ALTERNATIVE_ANY };
	if (length == 3 && memcmp(text, "any", 3) == 0)
		return true;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		size_t prefix = strlen(kinds[i].prefix);

		if (length <= prefix || length - prefix >= sizeof(alternative->word) ||
		    memcmp(text, kinds[i].prefix, prefix) != 0)
			continue;
		alternative->kind = kinds[i].kind;
		memcpy(alternative->word, text + prefix, length - prefix);
		alternative->plan = site_plan(site, alternative->word);
		return alternative->kind != ALTERNATIVE_PLAN || alternative->plan;
	}
	return false;
}

bool requirement_parse(const struct site *site, const char *text, struct requirement *requirement)
{
	requirement->count = 0;
	if (!text)
		return false;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");

		if (requirement->count == ALTERNATIVES_MAX ||
		    !alternative_parse(site, text, length, &requirement->alternatives[requirement->count]))
			return false;
		requirement->count++;
		text += length;
	}
	return requirement->count > 0;
}

static bool alternative_met(const struct alternative *alternative,
    const struct subscription_item *item, const struct plan *plan, bool passes)
{
	switch (alternative->kind) {
	case ALTERNATIVE_ANY:
		return plan;
	case ALTERNATIVE_PLAN:
		return plan == alternative->plan;
	case ALTERNATIVE_PRODUCT:
		return strcmp(item->product, alternative->word) == 0;
	case ALTERNATIVE_FEATURE:
		return alternative->entitlement == ENTITLED ||
		    (!passes && alternative->entitlement != ENTITLED_NOT) ||
		    (plan && words_include(&plan->features, alternative->word));
	}
	return false;
}

bool requirement_met(const struct requirement *requirement, const struct subscription_item *item,
    const struct plan *plan, bool passes)
{
	for (size_t i = 0; i < requirement->count; i++)
		if (alternative_met(&requirement->alternatives[i], item, plan, passes))
			return true;
	return false;
}

bool requirement_unsure(const struct requirement *requirement)
{
	for (size_t i = 0; i < requirement->count; i++)
		if (requirement->alternatives[i].entitlement == ENTITLED_UNSURE)
			return true;
	return false;
}

bool requirement_met_free(const struct requirement *requirement, const struct plan *plan)
{
	for (size_t i = 0; i < requirement->count; i++) {
		const struct alternative *alternative = &requirement->alternatives[i];

		if ((alternative->kind == ALTERNATIVE_PLAN && alternative->plan == plan) ||
		    (alternative->kind == ALTERNATIVE_FEATURE &&
		     words_include(&plan->features, alternative->word)))
			return true;
	}
	return false;
}
