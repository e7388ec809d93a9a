#include "hex.h"

#include <openssl/rand.h>

void hex_encode(char *hex, const unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 0xf];
	}
	*hex = '\0';
}

bool hex_random(char hex[HEX_RANDOM_SIZE])
{
	unsigned char bytes[(HEX_RANDOM_SIZE - 1) / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	hex_encode(hex, bytes, sizeof(bytes));
	return true;
}
