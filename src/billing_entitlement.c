#include "billing_entitlement.h"

#include <string.h>

#include "billing_access.h"

/* What products say of a feature; of several, the greatest. */
enum claim {
	CLAIM_NONE,      /* no such product */
	CLAIM_LACKS,     /* does not give it */
	CLAIM_UNKNOWN,   /* was not read, perhaps for want of the permission */
	CLAIM_GIVES,
};

/* By what passes, and by what Stripe alone takes for paid. */
struct claims {
	enum claim passing, doubtful;
};

/* She has a feature by what passes if that gives it, or if nothing doubtful can; she has not
 * if only something doubtful can. In between, and where all that is known of her products
 * leaves it unexplained (they were changed within the hour), nobody can tell: it does not
 * count, and she is told to wait, since what would be bought may be paid for. */
static const enum entitlement entitlements[4][4] = {
	[CLAIM_NONE] = {
		ENTITLED_UNPAID, ENTITLED_UNPAID, ENTITLED_UNPAID, ENTITLED_UNPAID,
	},
	[CLAIM_LACKS] = {
		[CLAIM_NONE]    = ENTITLED,
		[CLAIM_LACKS]   = ENTITLED_UNSURE,
		[CLAIM_UNKNOWN] = ENTITLED_UNPAID,
		[CLAIM_GIVES]   = ENTITLED_UNPAID,
	},
	[CLAIM_UNKNOWN] = {
		[CLAIM_NONE]    = ENTITLED,
		[CLAIM_LACKS]   = ENTITLED,
		[CLAIM_UNKNOWN] = ENTITLED_UNSURE,
		[CLAIM_GIVES]   = ENTITLED_UNSURE,
	},
	[CLAIM_GIVES] = { ENTITLED, ENTITLED, ENTITLED, ENTITLED },
};

static bool user_entitled(const struct store_user *user, const char *feature)
{
	for (size_t i = 0; i < user->n_features; i++)
		if (strcmp(user->features[i], feature) == 0)
			return true;
	return false;
}

static enum claim product_claim(const struct access_catalogue *catalogue, const char *product,
    const char *feature)
{
	for (size_t i = 0; i < catalogue->n_products; i++) {
		const struct store_product *known = &catalogue->products[i];

		if (strcmp(known->id, product) != 0)
			continue;
		for (size_t j = 0; j < known->n_features; j++)
			if (strcmp(known->features[j], feature) == 0)
				return CLAIM_GIVES;
		return CLAIM_LACKS;
	}
	return CLAIM_UNKNOWN;
}

/* While a subscription has one of these, Stripe's customer is entitled by it. */
static bool stripe_entitles(enum subscription_status status)
{
	return status == SUBSCRIPTION_TRIALING || status == SUBSCRIPTION_ACTIVE ||
	    status == SUBSCRIPTION_PAST_DUE;
}

/* Whose they are, and when. */
struct holder {
	const struct site *site;
	const struct store_user *user;
	int64_t now;
};

static bool item_passes(const struct holder *holder, const struct subscription_record *record,
    const struct subscription_item *item)
{
	enum access_reason reason = REASON_NONE;
	int64_t until = 0;

	return access_item_passes(holder->site, holder->user, record, item, holder->now, &until, &reason);
}

static bool product_passes(const struct holder *holder, const char *product)
{
	for (size_t i = 0; *product && i < holder->user->n_records; i++) {
		const struct subscription_record *record = &holder->user->records[i];

		for (size_t j = 0; j < record->snapshot.n_items; j++)
			if (strcmp(record->snapshot.items[j].product, product) == 0 &&
			    item_passes(holder, record, &record->snapshot.items[j]))
				return true;
	}
	return false;
}

/* What was bought anew gives all that the unpaid one of before does. */
static bool item_doubtful(const struct holder *holder, const struct subscription_record *record,
    const struct subscription_item *item)
{
	return stripe_entitles(record->snapshot.status) && !product_passes(holder, item->product);
}

static void claim_raise(enum claim *greatest, enum claim claim)
{
	if (claim > *greatest)
		*greatest = claim;
}

static struct claims claims_of(const struct holder *holder, const struct access_catalogue *catalogue,
    const char *feature)
{
	struct claims claims = { CLAIM_NONE, CLAIM_NONE };

	for (size_t i = 0; i < holder->user->n_records; i++) {
		const struct subscription_record *record = &holder->user->records[i];

		for (size_t j = 0; j < record->snapshot.n_items; j++) {
			const struct subscription_item *item = &record->snapshot.items[j];
			enum claim claim = product_claim(catalogue, item->product, feature);

			if (item_passes(holder, record, item))
				claim_raise(&claims.passing, claim);
			else if (item_doubtful(holder, record, item))
				claim_raise(&claims.doubtful, claim);
		}
	}
	return claims;
}

bool entitlements_doubtful(const struct site *site, const struct store_user *user, int64_t now)
{
	const struct access_catalogue none = { 0 };
	struct claims claims;

	if (user->n_features == 0)
		return false;
	claims = claims_of(&(struct holder){ site, user, now }, &none, "");
	return claims.passing != CLAIM_NONE && claims.doubtful != CLAIM_NONE;
}

enum entitlement entitlement_of(const struct site *site, const struct store_user *user,
    const struct access_catalogue *catalogue, const char *feature, int64_t now)
{
	struct claims claims;

	if (!user_entitled(user, feature))
		return ENTITLED_NOT;
	claims = claims_of(&(struct holder){ site, user, now }, catalogue, feature);
	return entitlements[claims.passing][claims.doubtful];
}
