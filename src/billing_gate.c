#include "billing_gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing_gate_cache.h"
#include "billing_requirement.h"
#include "log.h"
#include "monotonic.h"

#define CATALOGUE_MS 60000
#define COMPLAINT_MS 60000
#define COMPLAINTS_MAX 16
#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 100

/* A site's prices and products, kept for items that no plan names, and features of which it
 * is not plain what gives them. */
struct catalogue {
	struct catalogue *next;
	const struct site *site;
	int64_t read_at;           /* monotonic ms */
	size_t n_prices, n_products;
	struct store_price *prices;
	struct store_product *products;
};

/* What stands in the log already. */
struct complaint {
	const struct site *site;   /* NULL = no known one */
	char why[256];
	int64_t at;                /* monotonic ms, 0 = never */
};

struct gate {
	struct gate_cache *cache;  /* NULL = nothing is kept */
	atomic_int waiting;        /* checks */
	pthread_mutex_t lock;      /* of all that follows */
	struct catalogue *catalogues;
	struct complaint complaints[COMPLAINTS_MAX];
};

/* One question under way. */
struct check {
	struct gate *gate;
	const struct gate_question *question;
	struct gate_cache_key key;
	int64_t began;             /* monotonic ms */
	bool asked;                /* tollgate-sync, for something newer */
	int64_t stamp;             /* of the records it was asked about */
};

enum standing {
	SETTLED,
	MISSING,                   /* Redis does not know her */
	STALE,                     /* what it knows is over */
	FAILED,                    /* it does not answer */
};

struct gate *gate_new(void)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NULL;
	pthread_mutex_init(&gate->lock, NULL);
	return gate;
}

static void catalogue_empty(struct catalogue *catalogue)
{
	free(catalogue->prices);
	store_products_free(catalogue->products, catalogue->n_products);
	catalogue->prices = NULL;
	catalogue->products = NULL;
	catalogue->n_prices = catalogue->n_products = 0;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	while (gate->catalogues) {
		struct catalogue *first = gate->catalogues;

		gate->catalogues = first->next;
		catalogue_empty(first);
		free(first);
	}
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

bool gate_open(struct gate *gate, const struct settings *settings)
{
	gate->cache = gate_cache_new(settings);
	return gate->cache != NULL;
}

void gate_close(struct gate *gate)
{
	gate_cache_free(gate->cache);
	gate->cache = NULL;
}

/* Under the lock. NULL = never read. */
static struct catalogue *catalogue_of(struct gate *gate, const struct site *site)
{
	struct catalogue *catalogue = gate->catalogues;

	while (catalogue && catalogue->site != site)
		catalogue = catalogue->next;
	return catalogue;
}

static bool catalogue_fresh(struct gate *gate, const struct site *site)
{
	const struct catalogue *catalogue = NULL;
	bool fresh = false;

	pthread_mutex_lock(&gate->lock);
	catalogue = catalogue_of(gate, site);
	fresh = catalogue && monotonic_ms() - catalogue->read_at < CATALOGUE_MS;
	pthread_mutex_unlock(&gate->lock);
	return fresh;
}

/* Takes over what `read` holds. */
static void catalogue_replace(struct gate *gate, struct catalogue *read)
{
	struct catalogue *catalogue = NULL;

	pthread_mutex_lock(&gate->lock);
	catalogue = catalogue_of(gate, read->site);
	if (!catalogue && (catalogue = calloc(1, sizeof(*catalogue)))) {
		catalogue->next = gate->catalogues;
		gate->catalogues = catalogue;
	}
	if (catalogue) {
		catalogue_empty(catalogue);
		read->next = catalogue->next;
		*catalogue = *read;
		*read = (struct catalogue){ 0 };
	}
	pthread_mutex_unlock(&gate->lock);
	catalogue_empty(read);
}

/* When Redis fails, what was read before goes on. An empty catalogue is one
 * that tollgate-sync is about to fill, so it is not kept. */
static void catalogue_refresh(struct gate *gate, const struct gate_question *question)
{
	struct catalogue read = { .site = question->site, .read_at = monotonic_ms() };

	if (catalogue_fresh(gate, question->site))
		return;
	if (store_prices_read(question->store, read.site, &read.prices, &read.n_prices) == RESULT_OK &&
	    store_products_read(question->store, read.site, &read.products, &read.n_products) ==
	    RESULT_OK && read.n_prices > 0)
		catalogue_replace(gate, &read);
	else
		catalogue_empty(&read);
}

static bool every_item_has_its_plan(const struct site *site, const struct store_user *user)
{
	for (size_t i = 0; i < user->n_records; i++) {
		const struct subscription *snapshot = &user->records[i].snapshot;

		for (size_t j = 0; j < snapshot->n_items; j++)
			if (!access_item_plan(site, &snapshot->items[j], NULL, 0))
				return false;
	}
	return true;
}

/* By the user's record alone. */
static bool plain(const struct site *site, const struct store_user *user, int64_t now)
{
	return every_item_has_its_plan(site, user) && !entitlements_doubtful(site, user, now);
}

/* What took the catalogue is not kept: prices and products are no news that the cache hears of. */
static void decide(struct check *check, const struct store_user *user, uint64_t point, int64_t now,
    struct access_decision *decision)
{
	const struct gate_question *question = check->question;
	const struct catalogue *read = NULL;
	struct access_catalogue known = { 0 };

	if (plain(question->site, user, now)) {
		access_decide(question->site, question->require, user, &known, now, decision);
		if (check->gate->cache)
			gate_cache_write(check->gate->cache, &check->key, point, user, decision);
		return;
	}
	catalogue_refresh(check->gate, question);
	pthread_mutex_lock(&check->gate->lock);
	read = catalogue_of(check->gate, question->site);
	if (read)
		known = (struct access_catalogue){ read->prices, read->n_prices, read->products,
			read->n_products };
	access_decide(question->site, question->require, user, &known, now, decision);
	pthread_mutex_unlock(&check->gate->lock);
}

static bool record_stale(const struct site *site, const struct subscription_record *record,
    int64_t now)
{
	if (access_first_payment_unheard(record, now))
		return true;
	for (size_t i = 0; i < record->snapshot.n_items; i++) {
		enum access_reason reason = REASON_NONE;
		int64_t until = 0;

		access_record_passes(site, record, &record->snapshot.items[i], now, &until, &reason);
		if (reason == REASON_STALE)
			return true;
	}
	return false;
}

static enum result ask(const struct gate_question *question, const struct store_user *user,
    enum standing standing, int64_t now)
{
	enum result result = RESULT_OK;

	if (standing == MISSING)
		return store_wish(question->store, question->site, question->identity->user, now);
	for (size_t i = 0; i < user->n_records && result == RESULT_OK; i++)
		if (record_stale(question->site, &user->records[i], now))
			result = store_dirty(question->store, question->site,
			    user->records[i].snapshot.customer, now);
	return result;
}

/* Moves whenever a record is written anew. */
static int64_t user_stamp(const struct store_user *user)
{
	int64_t stamp = 0;

	for (size_t i = 0; i < user->n_records; i++)
		stamp += user->records[i].as_of;
	return stamp;
}

/* A record that is over and was just read is a plain no. */
static enum standing user_standing(const struct check *check, const struct store_user *user,
    const struct access_decision *decision)
{
	if (decision->pass)
		return SETTLED;
	if (!user->known)
		return MISSING;
	if (decision->reason == REASON_STALE && (!check->asked || user_stamp(user) == check->stamp))
		return STALE;
	return SETTLED;
}

static enum standing look(struct check *check, struct access_decision *decision)
{
	const struct gate_question *question = check->question;
	int64_t now = question->now + (monotonic_ms() - check->began) / 1000;
	struct store_user user = { 0 };
	uint64_t point = check->gate->cache ? gate_cache_point(check->gate->cache, question->site) : 0;
	enum standing standing = FAILED;

	if (store_user_read(question->store, question->site, question->user_hash, &user) != RESULT_OK)
		return FAILED;
	decide(check, &user, point, now, decision);
	standing = user_standing(check, &user, decision);
	if (!check->asked && (standing == MISSING || standing == STALE)) {
		check->asked = true;
		check->stamp = standing == STALE ? user_stamp(&user) : -1;
		/* Redis has answered: when it takes no wish, nobody will, and that she is unknown stays true. */
		ask(question, &user, standing, now);
	}
	store_user_free(&user);
	return standing;
}

static bool slot_take(struct gate *gate, int cold_slots)
{
	if (atomic_fetch_add(&gate->waiting, 1) < cold_slots)
		return true;
	atomic_fetch_sub(&gate->waiting, 1);
	return false;
}

static enum standing wait_for_answer(struct check *check, enum standing standing,
    struct access_decision *decision)
{
	int64_t deadline = check->began + check->question->site->cold_wait_ms;
	int64_t pause = FIRST_PAUSE_MS;

	if (!slot_take(check->gate, check->question->cold_slots))
		return standing;
	while (standing == MISSING || standing == STALE) {
		int64_t left = deadline - monotonic_ms();

		if (left <= 0)
			break;
		monotonic_sleep_ms(pause < left ? pause : left);
		pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
		standing = look(check, decision);
	}
	atomic_fetch_sub(&check->gate->waiting, 1);
	return standing;
}

/* For so many different ones a minute, too: who may choose the words must not fill the log. */
static bool complaint_due(struct gate *gate, const struct site *site, const char *why)
{
	struct complaint *unused = NULL;
	int64_t now = monotonic_ms();

	pthread_mutex_lock(&gate->lock);
	for (size_t i = 0; i < COMPLAINTS_MAX; i++) {
		struct complaint *complaint = &gate->complaints[i];

		if (!complaint->at || now - complaint->at >= COMPLAINT_MS) {
			unused = complaint;
		} else if (complaint->site == site
		    && strncmp(complaint->why, why, sizeof(complaint->why) - 1) == 0) {
			unused = NULL;
			break;
		}
	}
	if (unused) {
		unused->site = site;
		strncpy(unused->why, why, sizeof(unused->why) - 1);
		unused->at = now;
	}
	pthread_mutex_unlock(&gate->lock);
	return unused;
}

void gate_complain(struct gate *gate, const struct site *site, const char *why)
{
	if (complaint_due(gate, site, why))
		log_event(LOG_LEVEL_ERROR, "misconfigured: nobody passes", "why", why, NULL);
}

static void complain_of_requirement(struct gate *gate, const struct site *site, const char *require)
{
	char why[256];

	if (!require)
		gate_complain(gate, site, "TOLLGATE_REQUIRE is absent");
	else if (snprintf(why, sizeof(why), "TOLLGATE_REQUIRE is not understood: %s", require) > 0)
		gate_complain(gate, site, why);
}

static void turn_away(struct access_decision *decision, enum access_reason reason)
{
	*decision = (struct access_decision){ .reason = reason };
}

/* A free plan needs no Redis. */
static void decide_without_redis(const struct gate_question *question,
    struct access_decision *decision)
{
	const struct store_user nobody = { 0 };
	const struct access_catalogue none = { 0 };

	access_decide(question->site, question->require, &nobody, &none, question->now, decision);
	if (decision->pass)
		return;
	turn_away(decision, REASON_UNAVAILABLE);
	if (question->site->on_store_failure == STORE_FAILURE_ALLOW)
		*decision = (struct access_decision){
			.pass = true, .has_subscription = true, .status = SUBSCRIPTION_UNKNOWN,
		};
}

static void check_user(struct check *check, struct access_decision *decision)
{
	enum standing standing = look(check, decision);

	if (standing == MISSING || standing == STALE)
		standing = wait_for_answer(check, standing, decision);
	if (standing == MISSING)
		turn_away(decision, REASON_UNAVAILABLE);
	else if (standing == FAILED)
		decide_without_redis(check->question, decision);
}

static bool kept(const struct check *check, struct access_decision *decision)
{
	return check->gate->cache && check->key.require && check->question->identity->user[0] &&
	    gate_cache_read(check->gate->cache, &check->key, check->question->now, decision);
}

void gate_check(struct gate *gate, const struct gate_question *question,
    struct access_decision *decision)
{
	struct check check = {
		.gate = gate, .question = question, .began = monotonic_ms(),
		.key = { question->site, question->user_hash, question->require },
	};
	struct requirement requirement;

	if (kept(&check, decision))
		return;
	if (!requirement_parse(question->site, question->require, &requirement)) {
		complain_of_requirement(gate, question->site, question->require);
		turn_away(decision, REASON_MISCONFIGURED);
	} else if (!question->identity->user[0]) {
		turn_away(decision, REASON_UNIDENTIFIED);
	} else {
		check_user(&check, decision);
	}
}
