/* Where Redis is: what is taken fits, and has a server. */
#include "store_address.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check_endpoint(const struct store_endpoint *endpoint)
{
	size_t length = strnlen(endpoint->host, STORE_HOST_SIZE);

	assert(length > 0 && length < STORE_HOST_SIZE);
	assert(endpoint->port >= 0 && endpoint->port <= 65535);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	struct store_address address;
	char *url = fuzz_line(&input);

	if (store_address_parse(url, &address)) {
		assert(address.n_endpoints >= 1 && address.n_endpoints <= STORE_SENTINELS_MAX);
		assert(address.n_endpoints == 1 || address.master[0] != '\0');
		assert(address.db >= 0);
		for (size_t i = 0; i < address.n_endpoints; i++)
			check_endpoint(&address.endpoints[i]);
	}
	free(url);
	return 0;
}
