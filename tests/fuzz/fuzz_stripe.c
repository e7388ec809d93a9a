/* What Stripe answers: the first line names a call; then answers, each a line of status and
 * the body, between lines "%%". */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http_client.h"
#include "json_read.h"
#include "stripe_checkout_session.h"
#include "stripe_customer.h"
#include "stripe_customer_session.h"
#include "stripe_entitlement.h"
#include "stripe_event_list.h"
#include "stripe_invoice.h"
#include "stripe_invoice_due.h"
#include "stripe_invoice_list.h"
#include "stripe_invoice_preview.h"
#include "stripe_meter_event.h"
#include "stripe_payment_method.h"
#include "stripe_portal_session.h"
#include "stripe_price.h"
#include "stripe_setup_intent.h"
#include "stripe_subscription_list.h"
#include "stripe_subscription_write.h"
#include "utf8.h"

#define ANSWERS_MAX 50
#define KEY "key"

static char site_name[] = FUZZ_SITE, origin[] = "https://shop.example", path[] = "/";
static char api[] = "https://api.stripe.com", secret[] = "sk_test_x";
static const struct plan plan = { .quantity_max = 1, .trial_days = 7, .trial_without_card = true };
static const struct site shop = { .name = site_name, .origin = origin, .success_path = path,
	.cancel_path = path, .portal_return_path = path, .stripe_key = { secret, sizeof(secret) - 1 } };
/* Too short for a pause between two tries. */
static const struct settings settings = { .stripe_api_base = api, .stripe_timeout_ms = 200 };

static struct fuzz_input answers;
static struct stripe *stripe;
static struct problem problem;
static int n_answers;

enum http_outcome __wrap_http_client_exchange(struct http_client *client,
    const struct http_request *request, struct http_response *response);

/* In the place of http_client_exchange (ld --wrap). */
enum http_outcome __wrap_http_client_exchange(struct http_client *client,
    const struct http_request *request, struct http_response *response)
{
	struct fuzz_input rest;
	size_t length;
	char *answer, *status;

	assert(client != NULL && strncmp(request->url, api, strlen(api)) == 0);
	http_response_free(response);
	if (answers.length == 0 || ++n_answers > ANSWERS_MAX)
		return HTTP_BROKEN;
	answer = fuzz_take(&answers, "\n%%\n", &length);
	rest = (struct fuzz_input){ answer, length };
	status = fuzz_line(&rest);
	response->status = strtol(status, NULL, 10);
	response->date = FUZZ_NOW;
	response->should_retry = 0;
	strbuf_append(&response->body, "");
	if (rest.length > 0)
		strbuf_append_bytes(&response->body, rest.text, rest.length);
	free(status);
	free(answer);
	return HTTP_ANSWERED;
}

static bool ends(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static void check_shown(const char *text, size_t size)
{
	assert(ends(text, size) && utf8_valid(text, strlen(text)));
	assert(strstr(text, "sk_") == NULL && strstr(text, "acct_") == NULL);
	assert(strstr(text, "whsec_") == NULL);
}

/* Whether it went well; else what a browser is shown of it holds nothing that it may not. */
static bool well(enum result result)
{
	if (result == RESULT_OK)
		return true;
	assert(problem.result == result && problem.code[0] != '\0');
	check_shown(problem.code, sizeof(problem.code));
	check_shown(problem.param, sizeof(problem.param));
	check_shown(problem.message, sizeof(problem.message));
	return false;
}

static void checkout(void)
{
	const struct stripe_checkout_params params = { .plan = &plan, .user = "alice",
		.customer = "cus_1", .price = "price_1", .quantity = 1 };
	struct stripe_checkout_session session;

	if (well(stripe_checkout_session_create(stripe, &shop, &params, KEY, &session, &problem)))
		assert(session.id[0] != '\0' && ends(session.url, sizeof(session.url)));
	well(stripe_checkout_session_retrieve(stripe, &shop, "cs_1", &session, &problem));
	well(stripe_checkout_session_expire(stripe, &shop, "cs_1", &session, &problem));
}

static void customer(void)
{
	const struct stripe_customer_params params = { .user = "alice", .email = "a@example.com" };
	struct stripe_customer found;
	char id[STRIPE_ID_SIZE];

	if (well(stripe_customer_retrieve(stripe, &shop, "cus_1", &found, &problem)))
		assert(found.id[0] != '\0' && ends(found.user, sizeof(found.user)));
	if (well(stripe_customer_create(stripe, &shop, &params, KEY, id, &problem)))
		assert(id[0] != '\0');
	well(stripe_customer_own(stripe, &shop, "cus_1", "alice", &problem));
}

static void customers(void)
{
	char last[STRIPE_ID_SIZE] = "";
	struct stripe_customer *found;
	size_t n;

	do {
		if (!well(stripe_customer_page(stripe, &shop, last, &found, &n, &problem)))
			return;
		for (size_t i = 0; i < n; i++)
			assert(found[i].id[0] != '\0');
		free(found);
	} while (last[0] != '\0');
}

static void search(void)
{
	char (*ids)[STRIPE_ID_SIZE];
	char (*features)[LOOKUP_KEY_SIZE];
	size_t n;

	if (well(stripe_customer_search(stripe, &shop, "al'ice", &ids, &n, &problem)))
		free(ids);
	if (well(stripe_entitlement_list(stripe, &shop, "cus_1", &features, &n, &problem)))
		free(features);
	if (well(stripe_product_feature_list(stripe, &shop, "prod_1", &features, &n, &problem)))
		free(features);
}

/* Redis would have to give it back. */
static void check_snapshot(const struct subscription *subscription)
{
	char *json = subscription_encode(subscription);
	struct subscription again;

	assert(subscription->id[0] != '\0' && subscription->customer[0] != '\0');
	assert(json != NULL && subscription_decode(json, &again));
	free(json);
}

static void subscription(void)
{
	const struct stripe_subscription_params params = { .plan = &plan, .user = "alice",
		.customer = "cus_1", .price = "price_1", .quantity = 1, .order = "order" };
	const struct stripe_item_change change = { .item = "si_1", .price = "price_2",
		.quantity = 2, .proration_date = FUZZ_NOW, .setup_price = "price_3" };
	const struct stripe_cancellation why = { "unused", "never came" };
	struct stripe_subscription made;

	if (well(stripe_subscription_create(stripe, &shop, &params, KEY, &made, &problem))) {
		check_snapshot(&made.snapshot);
		well(stripe_subscription_keep(stripe, &shop, &made.snapshot, KEY, &made, &problem));
	}
	well(stripe_subscription_retrieve(stripe, &shop, "sub_1", &made, &problem));
	well(stripe_subscription_update(stripe, &shop, "sub_1", &change, KEY, &made, &problem));
	well(stripe_subscription_cancel(stripe, &shop, "sub_1", &why, KEY, &made, &problem));
	well(stripe_subscription_resume(stripe, &shop, "sub_1", true, KEY, &made, &problem));
}

static void subscriptions(void)
{
	struct stripe_subscription_list list;

	if (!well(stripe_subscription_list(stripe, &shop, "cus_1", &list, &problem)))
		return;
	well(stripe_subscription_list_add(stripe, &shop, "sub_9", &list, &problem));
	for (size_t i = 0; i < list.count; i++)
		check_snapshot(&list.data[i].snapshot);
	stripe_subscription_list_free(&list);
}

static void everybody(void)
{
	static char found[STRIPE_PAGE][STRIPE_ID_SIZE];
	char last[STRIPE_ID_SIZE] = "";
	size_t n = 0;

	do {
		if (!well(stripe_subscription_customers(stripe, &shop, last, found, &n, &problem)))
			return;
		assert(n <= STRIPE_PAGE);
	} while (last[0] != '\0');
}

static void events(void)
{
	struct stripe_event_list list;

	if (!well(stripe_event_list(stripe, &shop, 1, 2, 500, &list, &problem)))
		return;
	for (size_t i = 0; i < list.count; i++)
		assert(list.data[i].id != NULL && list.data[i].type != NULL);
	stripe_event_list_free(&list);
}

static void invoice(void)
{
	static const struct subscription of = { .id = "sub_1", .created = FUZZ_NOW };
	struct json_object *first = NULL;
	struct stripe_invoice found;
	enum first_payment state;
	int64_t since;
	bool owed;

	well(stripe_invoice_retrieve(stripe, &shop, "in_1", &found, &problem));
	well(stripe_invoice_open_since(stripe, &shop, "sub_1", &since, &problem));
	well(stripe_invoice_payments(stripe, &shop, "in_1", &state, &problem));
	if (well(stripe_invoice_first(stripe, &shop, &of, &first, &problem)))
		json_object_put(first);
	well(stripe_invoice_owed(stripe, &shop, "sub_1", "in_2", FUZZ_NOW, &owed, &problem));
}

static void invoices(void)
{
	const struct stripe_item_change change = { .item = "si_1", .price = "price_2",
		.quantity = 2, .proration_date = FUZZ_NOW, .setup_price = "price_3" };
	struct stripe_invoice_due due;
	struct json_object *object;

	if (well(stripe_invoice_due_open(stripe, &shop, "sub_1", &due, &problem)))
		assert(due.id[0] != '\0' && ends(due.client_secret, sizeof(due.client_secret)));
	well(stripe_invoice_due_finalize(stripe, &shop, "in_1", KEY, &due, &problem));
	if (well(stripe_invoice_list(stripe, &shop, "cus_1", 10, "", &object, &problem)))
		json_object_put(object);
	if (well(stripe_invoice_preview(stripe, &shop, "sub_1", &change, 0, KEY, &object, &problem)))
		json_object_put(object);
}

static void method(void)
{
	static enum result (*const reads[])(struct stripe *, const struct site *, const char *,
	    struct stripe_payment_method *, struct problem *) = {
		stripe_payment_method_retrieve, stripe_payment_method_of_subscription,
		stripe_payment_method_of_customer,
	};
	struct stripe_payment_method found;
	struct stripe_setup_intent intent;

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		found.shown = NULL;
		if (well(reads[i](stripe, &shop, "id_1", &found, &problem)))
			assert(json_text(found.shown, "/id") != NULL);
		json_object_put(found.shown);
	}
	if (well(stripe_setup_intent_create(stripe, &shop, "cus_1", NULL, KEY, &intent, &problem)))
		assert(intent.id[0] != '\0');
	well(stripe_customer_set_method(stripe, &shop, "cus_1", "pm_1", KEY, &problem));
}

static void prices(void)
{
	static const char *const keys[] = { "basic", "premium" };
	struct stripe_price price, *found;
	char id[STRIPE_ID_SIZE];
	size_t n;

	if (well(stripe_price_list_by_lookup_keys(stripe, &shop, keys, 2, &found, &n, &problem))) {
		for (size_t i = 0; i < n; i++)
			assert(found[i].id[0] != '\0' && ends(found[i].currency, sizeof(found[i].currency)));
		free(found);
	}
	well(stripe_price_retrieve(stripe, &shop, "price_1", &price, &problem));
	well(stripe_promotion_code_find(stripe, &shop, "SUMMER", id, &problem));
}

static void sessions(void)
{
	const struct stripe_portal_params params = { .customer = "cus_1", .return_url = origin };
	const struct stripe_meter_event event = { "calls", "cus_1", "once", 3 };
	struct stripe_customer_session session;
	char *url;

	if (well(stripe_portal_session_create(stripe, &shop, &params, KEY, &url, &problem)))
		free(url);
	well(stripe_customer_session_create(stripe, &shop, "cus_1", &session, &problem));
	well(stripe_meter_event_create(stripe, &shop, &event, &problem));
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "checkout", checkout }, { "customer", customer }, { "customers", customers },
	{ "search", search }, { "subscription", subscription }, { "subscriptions", subscriptions },
	{ "everybody", everybody }, { "events", events }, { "invoice", invoice },
	{ "invoices", invoices }, { "method", method }, { "prices", prices }, { "sessions", sessions },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name;

	if (stripe == NULL) {
		assert(http_client_init());
		stripe = stripe_new(&settings);
	}
	assert(stripe != NULL);
	answers = (struct fuzz_input){ (const char *)data, size };
	n_answers = 0;
	name = fuzz_line(&answers);
	stripe_begin(stripe);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			calls[i].call();
	}
	free(name);
	return 0;
}
