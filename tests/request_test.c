#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char site_name[] = "shop";
static char site_origin[] = "https://shop.example";
static struct site sites[] = { { .name = site_name, .origin = site_origin } };
static const struct settings settings = { .sites = sites, .n_sites = 1 };

/* Opens a request with these params, NULL-ended. */
static enum result open_with(const char **envp, FCGX_Request *fcgi, struct request *request)
{
	struct problem problem;

	memset(fcgi, 0, sizeof(*fcgi));
	fcgi->envp = (char **)envp;
	return request_open(fcgi, &settings, 1800000000, request, &problem);
}

static void path_on_the_own_origin_is_taken(void **state)
{
	static const char *const paths[] = { "/", "/account", "/a?b=c&d=//e#f", "/.//evil.example",
		"/a//b", "/{CHECKOUT_SESSION_ID}", "/caf\xc3\xa9", "/%5cevil.example" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_true(request_path_is_own(paths[i]));
}

static void path_that_leads_elsewhere_is_refused(void **state)
{
	static const char *const paths[] = { "", "account", "//evil.example", "///evil.example",
		"https://evil.example/", "javascript:alert(1)", " /account", "\t//evil.example",
		"/\\evil.example", "/a\\b", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
		"/a\rSet-Cookie: x", "/\x7f", "/\xc2\x85", "/\xff", "?a", "#a", "." };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_false(request_path_is_own(paths[i]));
}

static void empty_param_is_passed_over(void **state)
{
	const char *envp[] = { "A=", "AB=1", "A=2", "A=3", "=4", "C", NULL };
	FCGX_Request fcgi = { .envp = (char **)envp };
	const struct request request = { .fcgi = &fcgi };

	(void)state;
	assert_string_equal(request_param(&request, "A"), "2");
	assert_string_equal(request_param(&request, "AB"), "1");
	assert_null(request_param(&request, "C"));
	assert_null(request_param(&request, "D"));
}

static void user_of_an_authorizer_is_who_apache_has_proven(void **state)
{
	const char *envp[] = { "FCGI_ROLE=AUTHORIZER", "FCGI_APACHE_ROLE=AUTHORIZER",
		"TOLLGATE_USER_FROM=REMOTE_USER", "REMOTE_USER=ann", NULL };
	FCGX_Request fcgi;
	struct request request;

	(void)state;
	assert_int_equal(open_with(envp, &fcgi, &request), RESULT_OK);
	assert_string_equal(request.identity.user, "ann");
	request_close(&request);
}

/* Without TOLLGATE_USER_FROM it is nobody; with it, and not proven, an error. */
static void user_that_nobody_has_proven_is_nobody(void **state)
{
#define FROM "TOLLGATE_USER_FROM=REMOTE_USER"
#define PROVEN "FCGI_ROLE=AUTHORIZER", "FCGI_APACHE_ROLE=AUTHORIZER"
	static const struct {
		const char *envp[7];
		enum result result;
	} cases[] = {
		{ { PROVEN, "REMOTE_USER=ann", NULL }, RESULT_OK },
		{ { "FCGI_ROLE=RESPONDER", "REMOTE_USER=ann", NULL }, RESULT_OK },
		{ { PROVEN, "TOLLGATE_USER_FROM=", "REMOTE_USER=ann", NULL }, RESULT_OK },
		{ { "FCGI_ROLE=AUTHORIZER", "FCGI_APACHE_ROLE=AUTHENTICATOR", FROM, "REMOTE_USER=ann", NULL },
		    RESULT_INVALID },
		{ { "FCGI_ROLE=AUTHORIZER", FROM, "REMOTE_USER=ann", NULL }, RESULT_INVALID },
		{ { "FCGI_ROLE=RESPONDER", "FCGI_APACHE_ROLE=AUTHORIZER", FROM, "REMOTE_USER=ann", NULL },
		    RESULT_INVALID },
		{ { "FCGI_APACHE_ROLE=AUTHORIZER", FROM, "REMOTE_USER=ann", NULL }, RESULT_INVALID },
		{ { PROVEN, FROM, NULL }, RESULT_INVALID },
		{ { PROVEN, FROM, "REMOTE_USER=", NULL }, RESULT_INVALID },
		{ { PROVEN, FROM, "REMOTE_USER=ann", "REMOTE_USER=bob", NULL }, RESULT_INVALID },
		{ { PROVEN, FROM, "REMOTE_USER=ann", "TOLLGATE_USER=bob", NULL }, RESULT_INVALID },
		{ { PROVEN, FROM, "TOLLGATE_USER_FROM=HTTP_X_USER", "REMOTE_USER=ann", NULL }, RESULT_INVALID },
		{ { PROVEN, "TOLLGATE_USER_FROM=HTTP_X_USER", "HTTP_X_USER=ann", NULL }, RESULT_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		FCGX_Request fcgi;
		struct request request;

		assert_int_equal(open_with((const char **)cases[i].envp, &fcgi, &request), cases[i].result);
		assert_string_equal(request.identity.user, "");
		request_close(&request);
	}
}

static void content_type_is_compared_without_parameters(void **state)
{
	(void)state;
	assert_true(request_type_is("application/json", "application/json"));
	assert_true(request_type_is("Application/JSON;charset=utf-8", "application/json"));
	assert_true(request_type_is("application/json ; a=b", "application/json"));
	assert_false(request_type_is("application/json5", "application/json"));
	assert_false(request_type_is("application/jso", "application/json"));
	assert_false(request_type_is("text/plain, application/json", "application/json"));
}

static void endpoint_is_the_last_segment(void **state)
{
	static const struct {
		const char *param;
		const char *endpoint;
	} cases[] = {
		{ "REQUEST_URI=/billing/config", "config" },
		{ "REQUEST_URI=/config?a=/b/c", "config" },
		{ "REQUEST_URI=http://shop.example/billing/config", "config" },
		{ "DOCUMENT_URI=/billing/config", "config" },
		{ "SCRIPT_NAME=/billing/config", "config" },
		{ "REQUEST_URI=/billing/config/", "" },
		{ "REQUEST_URI=/con%66ig", "con%66ig" },
		{ "REQUEST_URI=/0123456789012345678901234567890123456789012345678901234567890123", "" },
		{ "SCRIPT_FILENAME=/billing/config", "" },
	};
	FCGX_Request fcgi;
	struct request request;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *envp[] = { cases[i].param, NULL };

		assert_int_equal(open_with(envp, &fcgi, &request), RESULT_OK);
		assert_string_equal(request.endpoint, cases[i].endpoint);
		request_close(&request);
	}
}

static void user_of_the_web_server_is_hashed(void **state)
{
	const char *envp[] = { "TOLLGATE_USER=alice", "REQUEST_METHOD=HEAD", NULL };
	char hash[65];
	FCGX_Request fcgi;
	struct request request;

	(void)state;
	assert_true(identity_user_hash("alice", hash));
	assert_int_equal(open_with(envp, &fcgi, &request), RESULT_OK);
	assert_string_equal(request.identity.user, "alice");
	assert_string_equal(request.user_hash, hash);
	assert_true(request.head);
	request_close(&request);
}

/* The problem is to be answered too: with an id, and in the form that is wanted. */
static void refused_request_can_still_be_answered(void **state)
{
	const char *envp[] = { "TOLLGATE_USER=a", "TOLLGATE_USER=b", "HTTP_ACCEPT=application/json", NULL };
	FCGX_Request fcgi;
	struct request request;

	(void)state;
	assert_int_equal(open_with(envp, &fcgi, &request), RESULT_INVALID);
	assert_int_equal(strlen(request.id), 32);
	assert_string_equal(request.method, "GET");
	assert_string_equal(request.identity.user, "");
	assert_true(request.wants_json);
	assert_null(request.site);
	request_close(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_on_the_own_origin_is_taken),
		cmocka_unit_test(path_that_leads_elsewhere_is_refused),
		cmocka_unit_test(empty_param_is_passed_over),
		cmocka_unit_test(content_type_is_compared_without_parameters),
		cmocka_unit_test(endpoint_is_the_last_segment),
		cmocka_unit_test(user_of_the_web_server_is_hashed),
		cmocka_unit_test(user_of_an_authorizer_is_who_apache_has_proven),
		cmocka_unit_test(user_that_nobody_has_proven_is_nobody),
		cmocka_unit_test(refused_request_can_still_be_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
