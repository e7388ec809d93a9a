/* The gate's decision. First the requirement, then the fields of a customer's hash, line by
 * line, "field=value"; a line "customer=ID" begins another customer. Who may pass is told
 * again here, from the table of README.md. */
#include <stdlib.h>
#include <string.h>

#include "billing_access.h"
#include "peer.h"
#include "strbuf.h"

#define DAY 86400
#define WORD(text) ((char[]){ text })

static char *basic_keys[] = { WORD("basic_monthly") }, *premium_prices[] = { WORD("price_p") };
static char *premium_features[] = { WORD("exports") }, *free_features[] = { WORD("reading") };
static struct plan plans[] = {
	{ .name = WORD("basic"), .lookup_keys = { basic_keys, 1 } },
	{ .name = WORD("premium"), .prices = { premium_prices, 1 }, .features = { premium_features, 1 } },
	{ .name = WORD("club"), .product = WORD("prod_club") },
	{ .name = WORD("guest"), .free = true, .features = { free_features, 1 } },
};
static const struct store_price prices[] = {
	{ .id = "price_b", .product = "prod_b", .lookup_key = "basic_monthly" },
};
static char given[][LOOKUP_KEY_SIZE] = { "seats" };
static const struct store_product products[] = {
	{ .id = "prod_b" }, { .id = "prod_club", .features = given, .n_features = 1 },
};
static const struct access_catalogue catalogue = { prices, 1, products, 2 };

/* What access.lua would say, under way. */
struct answer {
	struct strbuf customers;
	struct strbuf fields; /* of the last customer */
	size_t n_customers, n_fields;
};

static void customer_end(struct answer *answer)
{
	strbuf_appendf(&answer->customers, "*%zu\n%s", 2 * answer->n_fields,
	    strbuf_text(&answer->fields));
	strbuf_free(&answer->fields);
	answer->n_fields = 0;
}

static void customer_begin(struct answer *answer, const char *id)
{
	strbuf_appendf(&answer->customers, "=%s\n", id);
	answer->n_customers++;
}

static void line_add(struct answer *answer, char *line)
{
	char *value = strchr(line, '=');

	if (value == NULL)
		return;
	*value++ = '\0';
	if (strcmp(line, "customer") == 0) {
		customer_end(answer);
		customer_begin(answer, value);
	} else {
		strbuf_appendf(&answer->fields, "=%s\n=%s\n", line, value);
		answer->n_fields++;
	}
}

/* For peer_script: the caller's. */
static void answer_make(struct fuzz_input *input, struct strbuf *whole)
{
	struct answer answer = { .n_customers = 0 };

	customer_begin(&answer, "cus_1");
	while (input->length > 0) {
		char *line = fuzz_line(input);

		line_add(&answer, line);
		free(line);
	}
	customer_end(&answer);
	strbuf_appendf(whole, "*%zu\n=0\n%s", 1 + 2 * answer.n_customers, answer.customers.data);
	strbuf_free(&answer.customers);
}

/* Not what is set to end and has, nor what is served no longer. */
static bool goes_on(const struct subscription *said, const struct subscription_item *item)
{
	if (said->cancel_at != 0 && FUZZ_NOW >= said->cancel_at)
		return false;
	if (said->cancel_at_period_end && said->cancel_at == 0 && FUZZ_NOW >= item->current_period_end)
		return false;
	return said->pause_collection == COLLECTION_RUNS
	    || said->pause_collection == COLLECTION_MARK_UNCOLLECTIBLE;
}

static bool paid(const struct site *site, const struct subscription_record *record,
    const struct subscription_item *item)
{
	int64_t overdue = record->past_due_since != 0 ? record->past_due_since : record->as_of;

	switch (record->snapshot.status) {
	case SUBSCRIPTION_PAST_DUE:
		return FUZZ_NOW < overdue + site->past_due_grace;
	case SUBSCRIPTION_ACTIVE:
		return FUZZ_NOW < item->current_period_end + site->grace
		    && record->first_payment != FIRST_PAYMENT_FAILED;
	case SUBSCRIPTION_TRIALING:
		return FUZZ_NOW < item->current_period_end + site->grace;
	default:
		return false;
	}
}

static bool anything_paid(const struct site *site, const struct store_user *user)
{
	for (size_t i = 0; i < user->n_records; i++) {
		const struct subscription_record *record = &user->records[i];

		for (size_t j = 0; j < record->snapshot.n_items; j++) {
			if (goes_on(&record->snapshot, &record->snapshot.items[j])
			    && paid(site, record, &record->snapshot.items[j]))
				return true;
		}
	}
	return false;
}

static void check_decision(const struct site *site, const char *require,
    const struct store_user *user)
{
	struct access_decision decision;
	bool of_free = strstr(require, "plan:guest") != NULL
	    || strstr(require, "feature:reading") != NULL;

	access_decide(site, require, user, &catalogue, FUZZ_NOW, &decision);
	assert(decision.pass == (decision.reason == REASON_NONE));
	assert(decision.pass == (access_reason_str(decision.reason)[0] == '\0'));
	assert(strnlen(decision.features, sizeof(decision.features)) < sizeof(decision.features));
	assert(!decision.pass || of_free || anything_paid(site, user));
	assert(!decision.pass || require[strspn(require, " ")] != '\0');
	assert(decision.pass || decision.until == 0);
	assert(!decision.pass || !decision.has_subscription || decision.until > FUZZ_NOW);
	access_decide(site, NULL, user, &catalogue, FUZZ_NOW, &decision);
	assert(!decision.pass && decision.reason == REASON_MISCONFIGURED);
}

static void site_set(struct site *site)
{
	site->plans = plans;
	site->n_plans = sizeof(plans) / sizeof(plans[0]);
	site->grace = 2 * DAY;
	site->past_due_grace = 7 * DAY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	struct strbuf answer = STRBUF_INIT;
	struct store *store = store_new(&peer_settings);
	char *require = fuzz_line(&input);
	struct store_user user;

	assert(store != NULL);
	answer_make(&input, &answer);
	peer_script(&(struct fuzz_input){ answer.data, answer.length });
	site_set(peer_site);
	if (store_user_read(store, peer_site, "hash", &user) == RESULT_OK) {
		peer_site->processing = PROCESSING_ALLOW;
		check_decision(peer_site, require, &user);
		peer_site->processing = PROCESSING_WAIT;
		check_decision(peer_site, require, &user);
		store_user_free(&user);
	}
	store_free(store);
	peer_close();
	strbuf_free(&answer);
	free(require);
	return 0;
}
