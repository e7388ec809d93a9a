/* What Redis answers: the first line names a call, the rest is for peer_script. Whatever
 * comes, what is written holds what it may hold. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "store_apply.h"
#include "store_catalogue.h"
#include "store_customer.h"
#include "store_delivery.h"
#include "store_duty.h"
#include "store_limit.h"
#include "store_lock.h"
#include "store_payment_method.h"
#include "store_preview.h"
#include "store_rate.h"
#include "store_session.h"
#include "store_work.h"

static bool ends(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static void check_user(struct store_user *user)
{
	for (size_t i = 0; i < user->n_customers; i++)
		assert(ends(user->customers[i], STRIPE_ID_SIZE));
	for (size_t i = 0; i < user->n_features; i++)
		assert(ends(user->features[i], LOOKUP_KEY_SIZE) && user->features[i][0] != '\0');
	for (size_t i = 0; i < user->n_records; i++)
		assert(user->records[i].snapshot.n_items <= SUBSCRIPTION_ITEMS_MAX);
	store_user_free(user);
}

static void user(struct store *store)
{
	struct store_user found;

	if (store_user_read(store, peer_site, "hash", &found) == RESULT_OK)
		check_user(&found);
}

static void customer(struct store *store)
{
	struct store_user found;
	int64_t generation;

	if (store_customer_read(store, peer_site, "cus_1", &generation, &found) == RESULT_OK)
		check_user(&found);
}

static void fields(struct store *store)
{
	char id[129] = "", email[EMAIL_SIZE] = "";
	int64_t generation = 0;

	store_customer_user(store, peer_site, "cus_1", id);
	store_customer_email(store, peer_site, "cus_1", email);
	store_customer_generation(store, peer_site, "cus_1", &generation);
	assert(ends(id, sizeof(id)) && ends(email, sizeof(email)));
}

static void writes(struct store *store)
{
	store_customer_link(store, peer_site, "cus_1", "alice", FUZZ_NOW);
	store_user_none_write(store, peer_site, "hash", FUZZ_NOW);
	store_wish(store, peer_site, "alice", FUZZ_NOW);
	store_dirty(store, peer_site, "cus_1", FUZZ_NOW);
}

static void prices(struct store *store)
{
	struct store_price *found;
	size_t n;

	if (store_prices_read(store, peer_site, &found, &n) != RESULT_OK)
		return;
	for (size_t i = 0; i < n; i++)
		assert(ends(found[i].id, STRIPE_ID_SIZE) && ends(found[i].lookup_key, LOOKUP_KEY_SIZE));
	free(found);
}

static void products(struct store *store)
{
	struct store_product *found;
	size_t n;

	if (store_products_read(store, peer_site, &found, &n) != RESULT_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		assert(ends(found[i].id, STRIPE_ID_SIZE));
		for (size_t j = 0; j < found[i].n_features; j++)
			assert(ends(found[i].features[j], LOOKUP_KEY_SIZE));
	}
	store_products_free(found, n);
}

static void session(struct store *store)
{
	char id[STRIPE_ID_SIZE] = "";
	struct store_session found;

	if (store_session_read(store, peer_site, "cs_1", &found) == RESULT_OK)
		assert(found.id[0] != '\0' && ends(found.user, sizeof(found.user))
		    && ends(found.status, sizeof(found.status)));
	store_session_open_read(store, peer_site, "hash", id);
	assert(ends(id, sizeof(id)));
}

static void apply(struct store *store)
{
	const struct store_change change = { .event_id = "evt_1", .as_of = FUZZ_NOW, .now = FUZZ_NOW,
		.customer = "cus_1" };
	enum store_applied applied;
	struct problem problem;

	if (store_apply(store, peer_site, &change, &applied, &problem) == RESULT_OK)
		assert(applied <= APPLIED_MOVED);
}

static void work(struct store *store)
{
	struct store_work found;

	if (store_work_claim(store, peer_site, 1000, &found) != RESULT_OK)
		return;
	assert(found.kind < WORK_KINDS && found.tries >= 0 && work_kind_str(found.kind) != NULL);
	assert(ends(found.id, sizeof(found.id)) && ends(found.lease, sizeof(found.lease)));
	store_work_done(store, peer_site, &found);
}

static void duty(struct store *store)
{
	struct store_duty begun;
	int64_t due_in = 0;

	if (store_duty_begin(store, peer_site, "poll", 60, 1000, &begun, &due_in) == RESULT_OK)
		store_duty_renew(store, peer_site, &begun, 1000);
	store_duty_number(store, peer_site, "cursor", &due_in);
}

static void renewal(struct store *store)
{
	static const char *const ids[] = { "evt_1", "evt_2", "evt_3" };
	int64_t n_marked = 0;
	bool seen[3] = { false };

	store_renewal_mark(store, peer_site, FUZZ_NOW + 60, FUZZ_NOW, 0, &n_marked);
	store_events_seen(store, peer_site, ids, 3, seen);
}

static void delivery(struct store *store)
{
	struct store_delivery taken;

	if (store_delivery_take(store, peer_site, FUZZ_NOW, 60, &taken) != RESULT_OK)
		return;
	assert(taken.notice == NULL || taken.entry != NULL);
	if (taken.entry != NULL)
		store_delivery_settle(store, peer_site, &taken, DELIVERY_FAILED, FUZZ_NOW);
	store_delivery_free(&taken);
}

static void rate(struct store *store)
{
	int64_t wait = 0;
	bool paused;

	store_rate_take(store, peer_site, 20, &wait, &paused);
	store_rate_pause(store, peer_site, 1, &wait);
}

static void limit(struct store *store)
{
	const struct limit few = { .count = 3, .window_ms = 1000 };
	int64_t wait = 0;

	store_limit_take(store, peer_site, "hash", &few, &wait);
}

static void lock(struct store *store)
{
	char attempt[33] = "";
	struct store_lock taken;

	if (store_lock_take(store, peer_site, "hash", 0, 1000, &taken) == RESULT_OK)
		store_lock_release(store, peer_site, &taken);
	store_attempt(store, peer_site, "hash", "checkout", "print", attempt);
	assert(ends(attempt, sizeof(attempt)));
}

static void method(struct store *store)
{
	struct store_payment_method found = { .shown = NULL };
	char invoice[STRIPE_ID_SIZE] = "";

	if (store_payment_method_read(store, peer_site, "cus_1", &found) == RESULT_OK)
		assert(found.shown != NULL && ends(found.customer, sizeof(found.customer)));
	json_object_put(found.shown);
	store_preview_read(store, peer_site, "digest", invoice);
	assert(ends(invoice, sizeof(invoice)));
}

static void inspect(struct store *store)
{
	struct problem problem;

	store_inspect(store, peer_site, &problem);
}

static const struct {
	const char *name;
	void (*call)(struct store *store);
} calls[] = {
	{ "user", user }, { "customer", customer }, { "fields", fields }, { "writes", writes },
	{ "prices", prices }, { "products", products }, { "session", session }, { "apply", apply },
	{ "work", work }, { "duty", duty }, { "renewal", renewal }, { "delivery", delivery }, { "rate", rate },
	{ "limit", limit }, { "lock", lock }, { "method", method }, { "inspect", inspect },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	struct store *store = store_new(&peer_settings);
	char *name = fuzz_line(&input);

	assert(store != NULL);
	peer_script(&input);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			calls[i].call(store);
	}
	store_free(store);
	peer_close();
	free(name);
	return 0;
}
