/* A request: FastCGI params, one on each line, then an empty line and the body. */
#include "request.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "utf8.h"

#define PARAMS_MAX 64
#define BODY_MAX 4096

static char site_name[] = FUZZ_SITE, other_name[] = "other";
static char site_origin[] = "https://shop.example", other_origin[] = "http://127.0.0.1";
static struct secret key;
static struct site sites[] = {
	{ .name = site_name, .origin = site_origin, .identity_keys = &key, .n_identity_keys = 1 },
	{ .name = other_name, .origin = other_origin, .loopback_http = true },
};
static const struct settings settings = { .sites = sites, .n_sites = 2 };

/* libfcgi's streams ask so for more. */
static void no_more(FCGX_Stream *stream)
{
	stream->isClosed = 1;
}

static void params_take(struct fuzz_input *input, char *params[PARAMS_MAX + 1])
{
	size_t n = 0;

	while (n < PARAMS_MAX && (params[n] = fuzz_line(input))[0] != '\0')
		n++;
	if (n < PARAMS_MAX)
		free(params[n]);
	params[n] = NULL;
}

static void check_identity(const struct request *request)
{
	const struct identity *identity = &request->identity;
	bool by_param = request_param(request, "TOLLGATE_USER") != NULL;

	assert((identity->user[0] == '\0') == (request->user_hash[0] == '\0'));
	assert(utf8_printable(identity->email, strlen(identity->email)));
	assert(!identity->by_bearer || !by_param);
	if (identity->user[0] == '\0')
		return;
	assert(identity_user_valid(identity->user));
	assert(by_param || request->site->n_identity_keys > 0);
}

static void check_request(const struct request *request)
{
	assert(request->site == &sites[0] || request->site == &sites[1]);
	assert(strlen(request->id) >= 1 && strlen(request->id) <= 64);
	assert(strnlen(request->endpoint, sizeof(request->endpoint)) < sizeof(request->endpoint));
	assert(strpbrk(request->endpoint, "/?") == NULL);
	check_identity(request);
}

static void check_origin(const struct request *request)
{
	const char *fetch_site = request_param(request, "HTTP_SEC_FETCH_SITE");
	const char *origin = request_param(request, "HTTP_ORIGIN");
	struct problem problem;

	if (request_check_origin(request, &problem) != RESULT_OK)
		return;
	if (fetch_site != NULL)
		assert(strcmp(fetch_site, "cross-site") != 0 && strcmp(fetch_site, "same-site") != 0);
	else if (origin != NULL)
		assert(strcmp(origin, request->site->origin) == 0);
	else
		assert(request->identity.by_bearer || request->identity.server);
}

static void check_fields(const struct request *request)
{
	static const char *const words[] = { "now", "period_end", NULL };
	static const char *const names[] = { "plan", "address[line1]", "address[", "[]" };
	struct problem problem;
	const char *text = NULL;
	int64_t number = 7;
	int index = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (request_field(request, names[i], 40, &text, &problem) == RESULT_OK && text != NULL)
			assert(text[0] != '\0' && strlen(text) <= 40 && utf8_printable(text, strlen(text)));
	}
	if (request_field_integer(request, "quantity", 1, 99, &number, &problem) == RESULT_OK)
		assert(number >= 1 && number <= 99);
	else
		assert(number == 7);
	if (request_field_word(request, "when", words, &index, &problem) == RESULT_OK)
		assert(index == 0 || index == 1);
}

static void run(FCGX_Request *fcgi)
{
	struct problem problem = { .result = RESULT_OK };
	struct request request;
	enum result result = request_open(fcgi, &settings, FUZZ_NOW, &request, &problem);

	if (result == RESULT_OK) {
		check_request(&request);
		check_origin(&request);
		result = request_read_body(&request, BODY_MAX, false, &problem);
	}
	if (result == RESULT_OK) {
		assert(request.body_length <= BODY_MAX);
		assert(request.json == NULL || request.form == NULL);
		check_fields(&request);
	} else {
		assert(problem.result == result && utf8_valid(problem.message, strlen(problem.message)));
	}
	request_close(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	char *params[PARAMS_MAX + 1];
	FCGX_Stream in = { .isReader = 1, .fillBuffProc = no_more };
	FCGX_Request fcgi = { .envp = params, .in = &in };
	size_t length;
	char *body;

	key = fuzz_key;
	params_take(&input, params);
	body = fuzz_take(&input, "%%", &length);
	in.rdNext = in.stopUnget = (unsigned char *)body;
	in.stop = in.wrNext = in.rdNext + length;
	run(&fcgi);
	for (size_t i = 0; params[i] != NULL; i++)
		free(params[i]);
	free(body);
	return 0;
}
