/* A form that was read means the same when it is written and read again. */
#include "form.h"

#include <string.h>

#include "fuzz.h"
#include "utf8.h"

static void check_again(const char *text, size_t length)
{
	struct strbuf written = STRBUF_INIT;
	struct form *form = form_parse(text, length);

	assert(form != NULL);
	form_encode(form, &written);
	assert(!written.failed && written.length == length);
	assert(length == 0 || memcmp(written.data, text, length) == 0);
	strbuf_free(&written);
	form_free(form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "plan", "a[b]", "" };
	struct form *form = form_parse((const char *)data, size);
	struct strbuf written = STRBUF_INIT;

	if (form == NULL)
		return 0;
	assert(!form_failed(form));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = form_value(form, keys[i]);

		assert((value != NULL) == (form_count(form, keys[i]) > 0));
		assert(value == NULL || utf8_valid(value, strlen(value)));
	}
	form_encode(form, &written);
	assert(!written.failed);
	check_again(strbuf_text(&written), written.length);
	strbuf_free(&written);
	form_free(form);
	return 0;
}
