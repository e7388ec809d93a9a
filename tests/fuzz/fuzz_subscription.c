/* A record as it is stored: what can be read is written again as one canonical text. */
#include "subscription.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check_record(const struct subscription *subscription)
{
	assert(subscription->n_items <= SUBSCRIPTION_ITEMS_MAX);
	assert(strnlen(subscription->id, STRIPE_ID_SIZE) < STRIPE_ID_SIZE);
	assert(strnlen(subscription->customer, STRIPE_ID_SIZE) < STRIPE_ID_SIZE);
	for (size_t i = 0; i < subscription->n_items; i++)
		assert(strnlen(subscription->items[i].price, STRIPE_ID_SIZE) < STRIPE_ID_SIZE);
	assert(subscription_period_end(subscription) >= 0);
	assert(subscription_status_parse(subscription_status_str(subscription->status))
	    == subscription->status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	struct subscription subscription, again;
	size_t length;
	char *json = fuzz_take(&input, "%%", &length);
	char *written, *rewritten;

	if (subscription_decode(json, &subscription)) {
		check_record(&subscription);
		written = subscription_encode(&subscription);
		assert(written != NULL && subscription_decode(written, &again));
		rewritten = subscription_encode(&again);
		assert(rewritten != NULL && strcmp(written, rewritten) == 0);
		free(written);
		free(rewritten);
	}
	free(json);
	return 0;
}
