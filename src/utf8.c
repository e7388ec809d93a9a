#include "utf8.h"

#include <stdint.h>

/* RFC 3629, section 4: the first byte tells the length, its own bits and the
 * smallest code that needs this length. */
static const struct lead {
	unsigned char mask, value;
	unsigned char length;
	uint32_t smallest;
} leads[] = {
	{ 0x80, 0x00, 1, 0x0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

static const struct lead *lead_of(unsigned char byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if ((byte & leads[i].mask) == leads[i].value)
			return &leads[i];
	}
	return NULL;
}

/* Bytes of the character at `text`, 0 when it is malformed, overlong, cut, a
 * surrogate or past U+10FFFF. */
static size_t decode(const char *text, size_t length, uint32_t *code)
{
	const unsigned char *bytes = (const unsigned char *)text;
	const struct lead *lead = length > 0 ? lead_of(bytes[0]) : NULL;
	uint32_t value;

	if (lead == NULL || lead->length > length)
		return 0;
	value = bytes[0] & (unsigned char)~lead->mask;
	for (size_t i = 1; i < lead->length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < lead->smallest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return lead->length;
}

bool utf8_valid(const char *text, size_t length)
{
	uint32_t code;

	for (size_t i = 0, n; i < length; i += n) {
		n = decode(text + i, length - i, &code);
		if (n == 0)
			return false;
	}
	return true;
}

size_t utf8_printable_length(const char *text, size_t length)
{
	uint32_t code;
	size_t n = decode(text, length, &code);

	if (n == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029)
		return 0;
	return n;
}

bool utf8_printable(const char *text, size_t length)
{
	for (size_t i = 0, n; i < length; i += n) {
		n = utf8_printable_length(text + i, length - i);
		if (n == 0)
			return false;
	}
	return true;
}
