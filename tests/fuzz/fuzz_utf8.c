/* utf8_valid against the grammar as it stands in RFC 3629, section 4. */
#include "utf8.h"

#include "fuzz.h"

static const struct row {
	unsigned char first, last; /* of the first byte */
	unsigned char second_from, second_to;
	size_t length;
} grammar[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool row_matches(const struct row *row, const uint8_t *bytes, size_t size)
{
	if (bytes[0] < row->first || bytes[0] > row->last || size < row->length)
		return false;
	if (row->length > 1 && (bytes[1] < row->second_from || bytes[1] > row->second_to))
		return false;
	for (size_t i = 2; i < row->length; i++) {
		if (bytes[i] < 0x80 || bytes[i] > 0xbf)
			return false;
	}
	return true;
}

/* Bytes of the character in front, 0 = there is none. */
static size_t character(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(grammar) / sizeof(grammar[0]); i++) {
		if (row_matches(&grammar[i], bytes, size))
			return grammar[i].length;
	}
	return 0;
}

static bool valid(const uint8_t *bytes, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < size && n > 0; i += n)
		n = character(bytes + i, size - i);
	return n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	assert(utf8_valid(text, size) == valid(data, size));
	if (utf8_printable(text, size)) {
		assert(utf8_valid(text, size));
		for (size_t i = 0; i < size; i++)
			assert(data[i] >= 0x20 && data[i] != 0x7f);
	}
	for (size_t i = 0; i < size; i++)
		assert(utf8_printable_length(text + i, size - i) <= character(data + i, size - i));
	return 0;
}
