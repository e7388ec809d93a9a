#include "billing_gate_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "monotonic.h"

#define ENTRIES 65536        /* a power of 2; of two that meet in one the later stays */
#define LOCKS 64             /* of the entries */
#define HASH_SIZE 65
#define REQUIRE_SIZE 128
#define PLACES_MAX 9         /* her own and her customers' */
#define AGE_MS 60000         /* though nothing was heard: a bound for what nobody thought of */

struct entry {
	const struct site *site;
	char user_hash[HASH_SIZE];
	char require[REQUIRE_SIZE];
	uint64_t point;
	int64_t kept_at;         /* monotonic ms */
	int64_t holds_until;     /* unix time */
	size_t n_places;
	store_place places[PLACES_MAX];
	bool has_subscription;
	enum subscription_status status;
	const struct plan *plan;
	int64_t until;
	char features[];
};

struct gate_cache {
	struct store_tracking *tracking;
	pthread_mutex_t locks[LOCKS];
	struct entry *entries[ENTRIES];
};

struct gate_cache *gate_cache_new(const struct settings *settings)
{
	struct gate_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&cache->locks[i], NULL);
	cache->tracking = store_tracking_new(settings);
	if (cache->tracking)
		return cache;
	gate_cache_free(cache);
	return NULL;
}

void gate_cache_free(struct gate_cache *cache)
{
	if (!cache)
		return;
	store_tracking_free(cache->tracking);
	for (size_t i = 0; i < ENTRIES; i++)
		free(cache->entries[i]);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&cache->locks[i]);
	free(cache);
}

uint64_t gate_cache_point(const struct gate_cache *cache, const struct site *site)
{
	return store_tracking_point(cache->tracking, site);
}

/* The user's hash is spread evenly; the words and the site set apart what she asks for. */
static size_t index_of(const struct gate_cache_key *key)
{
	return (store_tracking_place(key->user_hash) * 31 + store_tracking_place(key->require) * 7
	    + store_tracking_place(key->site->name)) & (ENTRIES - 1);
}

static bool entry_is(const struct entry *entry, const struct gate_cache_key *key)
{
	return entry->site == key->site && strcmp(entry->user_hash, key->user_hash) == 0 &&
	    strcmp(entry->require, key->require) == 0;
}

static bool add_place(struct entry *entry, const char *noun, const char *id)
{
	char name[STORE_KEY_SIZE];

	if (entry->n_places == PLACES_MAX || !store_key(name, entry->site, noun, id))
		return false;
	entry->places[entry->n_places++] = store_tracking_place(name);
	return true;
}

/* All that the decision was made from. False when there is no room for it. */
static bool add_places(struct entry *entry, const struct store_user *user)
{
	bool fits = add_place(entry, "user", entry->user_hash);

	for (size_t i = 0; fits && i < user->n_customers; i++)
		fits = add_place(entry, "customer", user->customers[i]);
	return fits;
}

/* NULL for what is not to be kept. */
static struct entry *entry_new(const struct gate_cache_key *key, uint64_t point,
    const struct store_user *user, const struct access_decision *decision)
{
	size_t features = strlen(decision->features) + 1;
	struct entry *entry = NULL;

	if (point == 0 || !decision->pass || strlen(key->require) >= REQUIRE_SIZE ||
	    strlen(key->user_hash) >= HASH_SIZE)
		return NULL;
	entry = calloc(1, sizeof(*entry) + features);
	if (!entry)
		return NULL;
	entry->site = key->site;
	memcpy(entry->user_hash, key->user_hash, strlen(key->user_hash));
	memcpy(entry->require, key->require, strlen(key->require));
	entry->point = point;
	entry->kept_at = monotonic_ms();
	entry->holds_until = decision->holds_until;
	entry->has_subscription = decision->has_subscription;
	entry->status = decision->status;
	entry->plan = decision->plan;
	entry->until = decision->until;
	memcpy(entry->features, decision->features, features);
	if (add_places(entry, user))
		return entry;
	free(entry);
	return NULL;
}

void gate_cache_write(struct gate_cache *cache, const struct gate_cache_key *key, uint64_t point,
    const struct store_user *user, const struct access_decision *decision)
{
	struct entry *entry = entry_new(key, point, user, decision);
	size_t index = index_of(key);

	if (!entry)
		return;
	pthread_mutex_lock(&cache->locks[index % LOCKS]);
	free(cache->entries[index]);
	cache->entries[index] = entry;
	pthread_mutex_unlock(&cache->locks[index % LOCKS]);
}

static bool entry_holds(const struct gate_cache *cache, const struct entry *entry, int64_t now)
{
	return now < entry->holds_until && monotonic_ms() - entry->kept_at < AGE_MS &&
	    store_tracking_unchanged(cache->tracking, entry->site, entry->point, entry->places,
	    entry->n_places);
}

static void entry_show(const struct entry *entry, struct access_decision *decision)
{
	decision->pass = true;
	decision->reason = REASON_NONE;
	decision->status = entry->status;
	decision->has_subscription = entry->has_subscription;
	decision->plan = entry->plan;
	decision->until = entry->until;
	decision->holds_until = entry->holds_until;
	strcpy(decision->features, entry->features);
}

bool gate_cache_read(struct gate_cache *cache, const struct gate_cache_key *key, int64_t now,
    struct access_decision *decision)
{
	size_t index = index_of(key);
	const struct entry *entry = NULL;
	bool found = false;

	pthread_mutex_lock(&cache->locks[index % LOCKS]);
	entry = cache->entries[index];
	found = entry && entry_is(entry, key) && entry_holds(cache, entry, now);
	if (found)
		entry_show(entry, decision);
	pthread_mutex_unlock(&cache->locks[index % LOCKS]);
	return found;
}
