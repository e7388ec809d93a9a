/* A path that is taken for the site's own leads a browser nowhere else (WHATWG URL, 4.4).
 * curl resolves it; what browsers do before that is done here. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "request.h"

#define PAGE "https://shop.example/billing/x"

/* Tabs and line ends go, a backslash counts as a slash. */
static void as_browsers_do(char *url)
{
	char *to = url;

	for (; *url != '\0'; url++) {
		if (strchr("\t\r\n", *url) == NULL)
			*to++ = *url == '\\' ? '/' : *url;
	}
	*to = '\0';
}

static void check_host(char *path)
{
	CURLU *url = curl_url();
	char *host = NULL;

	assert(url != NULL && curl_url_set(url, CURLUPART_URL, PAGE, 0) == CURLUE_OK);
	as_browsers_do(path);
	if (curl_url_set(url, CURLUPART_URL, path, CURLU_ALLOW_SPACE) == CURLUE_OK) {
		assert(curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK);
		assert(strcmp(host, "shop.example") == 0);
	}
	curl_free(host);
	curl_url_cleanup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	size_t length;
	char *path = fuzz_take(&input, "%%", &length);

	if (request_path_is_own(path)) {
		assert(strpbrk(path, "\r\n\t\\") == NULL && path[1] != '/');
		check_host(path);
	}
	free(path);
	return 0;
}
