/* What can be decoded is the one text of its bytes, and any bytes have one. */
#include "base64url.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char bytes[BASE64URL_MAX];
	char text[BASE64URL_MAX + 3];
	size_t n;

	if (base64url_decode((const char *)data, size, bytes, &n)) {
		assert(base64url_encode(bytes, n, text));
		assert(strlen(text) == size && memcmp(text, data, size) == 0);
	}
	if (base64url_encode(data, size, text)) {
		assert(base64url_decode(text, strlen(text), bytes, &n));
		assert(n == size && memcmp(bytes, data, size) == 0);
	} else {
		assert(size == 0 || (4 * size + 2) / 3 > BASE64URL_MAX);
	}
	return 0;
}
