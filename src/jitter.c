#include "jitter.h"

#include <openssl/rand.h>

int64_t jitter(int64_t most)
{
	uint32_t chance = 0;

	if (most <= 0 || RAND_bytes((unsigned char *)&chance, sizeof(chance)) != 1)
		return 0;
	return chance % ((uint64_t)most + 1);
}
