#include "base64url.h"

#include <openssl/evp.h>
#include <string.h>

static bool base64url_translate(const char *text, size_t length, char *base64)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			base64[i] = c;
		else if (c == '-')
			base64[i] = '+';
		else if (c == '_')
			base64[i] = '/';
		else
			return false;
	}
	return true;
}

bool base64url_decode(const char *text, size_t length, unsigned char *out, size_t *n)
{
	char base64[BASE64URL_MAX + 4];
	size_t padded = (length + 3) / 4 * 4;

	*n = length / 4 * 3 + (length % 4 > 0 ? length % 4 - 1 : 0);
	if (length == 0 || length > BASE64URL_MAX || length % 4 == 1
	    || !base64url_translate(text, length, base64))
		return false;
	/* 'A' is six zero bits: what they decode to is cut off again below. */
	memset(base64 + length, 'A', padded - length);
	if (EVP_DecodeBlock(out, (const unsigned char *)base64, (int)padded) < 0)
		return false;
	return padded == length || out[*n] == 0;
}

bool base64url_encode(const unsigned char *bytes, size_t n, char *out)
{
	size_t length = (4 * n + 2) / 3;

	if (n == 0 || length > BASE64URL_MAX)
		return false;
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
	out[length] = '\0';
	for (; *out != '\0'; out++)
		*out = *out == '+' ? '-' : *out == '/' ? '_' : *out;
	return true;
}
