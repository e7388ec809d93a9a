#include "http_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* A server of one connection after the other: reads a request, keeps it, sends
 * the answer; NULL stays silent. */
static struct server {
	int listener;
	pthread_t thread;
	const char *answer;
	bool hangs_up;
	char seen[8192];
	int connections;
	char url[64];
} server;
static struct http_client *client;
static struct http_response response;

/* A TLS hello is enough for an answer that is none. */
static bool whole(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "content-length: ");

	if (end == NULL)
		return text[0] == 0x16;
	return length == NULL || strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

/* False when the peer is gone. */
static bool read_request(int fd)
{
	char bytes[sizeof(server.seen)] = "";
	size_t length = 0;
	ssize_t n;

	while (!whole(bytes)) {
		n = recv(fd, bytes + length, sizeof(bytes) - 1 - length, 0);
		if (n <= 0)
			return false;
		length += (size_t)n;
		bytes[length] = '\0';
	}
	memcpy(server.seen, bytes, sizeof(bytes));
	return true;
}

static bool send_answer(int fd)
{
	char byte;

	while (server.answer == NULL) {
		if (recv(fd, &byte, 1, 0) <= 0)
			return false;
	}
	return send(fd, server.answer, strlen(server.answer), MSG_NOSIGNAL) >= 0 && !server.hangs_up;
}

static void *serve(void *unused)
{
	int fd;

	while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
		server.connections++;
		while (read_request(fd) && send_answer(fd))
			;
		close(fd);
	}
	return unused;
}

static int listen_on_loopback(int backlog, char *url, size_t size, const char *scheme)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_true(snprintf(url, size, "%s://127.0.0.1:%d/v1/x", scheme, ntohs(address.sin_port)) > 0);
	return fd;
}

static int start(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	server.answer = OK;
	server.listener = listen_on_loopback(8, server.url, sizeof(server.url), "http");
	client = http_client_new("tollgate/test");
	memset(&response, 0, sizeof(response));
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
	(void)state;
	http_client_free(client);
	http_response_free(&response);
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	return close(server.listener);
}

static struct http_request request_to(const char *method, const char *url)
{
	return (struct http_request){ .method = method, .url = url, .connect_timeout_ms = 2000,
		.timeout_ms = 5000, .max_answer = 1000 };
}

static enum http_outcome exchange(const char *method)
{
	struct http_request request = request_to(method, server.url);

	return http_client_exchange(client, &request, &response);
}

static void answer_is_read_with_its_headers(void **state)
{
	(void)state;
	server.answer = "HTTP/1.1 429 Slow\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\nretry-after: 7\r\n"
	    "Stripe-Should-Retry: true\r\nRequest-Id: req_1\r\nContent-Length: 4\r\n\r\nbody";
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_int_equal(response.status, 429);
	assert_string_equal(strbuf_text(&response.body), "body");
	assert_int_equal(response.date, 1800000000);
	assert_int_equal(response.retry_after, 7);
	assert_int_equal(response.should_retry, 1);
	assert_string_equal(response.request_id, "req_1");
	assert_memory_equal(server.seen, "GET /v1/x HTTP/1.1\r\n", 20);
	assert_non_null(strstr(server.seen, "\r\nUser-Agent: tollgate/test\r\n"));
	assert_null(strcasestr(server.seen, "content-length"));
}

static void nothing_is_left_of_an_earlier_answer(void **state)
{
	(void)state;
	answer_is_read_with_its_headers(state);
	server.answer = "HTTP/1.1 204 No Content\r\nStripe-Should-Retry: false\r\n\r\n";
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_int_equal(response.status, 204);
	assert_string_equal(strbuf_text(&response.body), "");
	assert_int_equal(response.date, 0);
	assert_int_equal(response.retry_after, -1);
	assert_int_equal(response.should_retry, 0);
	assert_string_equal(response.request_id, "");
}

static void retry_after_may_be_a_date(void **state)
{
	char answer[200], date[64];
	time_t soon = time(NULL) + 100;

	(void)state;
	assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&soon)) > 0);
	assert_true(snprintf(answer, sizeof(answer),
	    "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date) > 0);
	server.answer = answer;
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_in_range(response.retry_after, 90, 100);
	server.answer = "HTTP/1.1 503 Busy\r\nRetry-After: Fri, 15 Jan 2010 08:00:00 GMT\r\n"
	    "Content-Length: 0\r\n\r\n";
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_int_equal(response.retry_after, 0);
}

static void post_carries_headers_bearer_and_body(void **state)
{
	static const char *const headers[] = { "Idempotency-Key: k1", "Stripe-Version: v", NULL };
	struct http_request request = request_to("POST", server.url);

	(void)state;
	request.headers = headers;
	request.bearer = "sk_test_1";
	request.body = "a=1&b=2 and not this";
	request.body_length = 7;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_ANSWERED);
	assert_memory_equal(server.seen, "POST /v1/x HTTP/1.1\r\n", 21);
	assert_non_null(strstr(server.seen, "\r\nIdempotency-Key: k1\r\nStripe-Version: v\r\n"
	    "Authorization: Bearer sk_test_1\r\n"));
	assert_non_null(strstr(server.seen, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(server.seen, "\r\n\r\na=1&b=2"));
}

static void secret_of_one_request_is_not_in_the_next(void **state)
{
	(void)state;
	post_carries_headers_bearer_and_body(state);
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_null(strstr(server.seen, "Authorization"));
	assert_null(strstr(server.seen, "a=1"));
	assert_memory_equal(server.seen, "GET ", 4);
}

static void post_without_body_says_so(void **state)
{
	(void)state;
	assert_int_equal(exchange("POST"), HTTP_ANSWERED);
	assert_non_null(strstr(server.seen, "\r\nContent-Length: 0\r\n"));
}

static void delete_has_no_body(void **state)
{
	(void)state;
	assert_int_equal(exchange("DELETE"), HTTP_ANSWERED);
	assert_memory_equal(server.seen, "DELETE /v1/x HTTP/1.1\r\n", 23);
	assert_null(strcasestr(server.seen, "content-length"));
}

static void connection_is_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(exchange("POST"), HTTP_ANSWERED);
	assert_int_equal(server.connections, 1);
}

static void redirect_is_an_answer(void **state)
{
	(void)state;
	server.answer = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	assert_int_equal(response.status, 302);
	assert_memory_equal(server.seen, "GET /v1/x ", 10);
}

static void proxy_of_the_environment_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(exchange("GET"), HTTP_ANSWERED);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void answer_over_the_maximum_fails(void **state)
{
	struct http_request request = request_to("GET", server.url);

	(void)state;
	request.max_answer = 2;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_ANSWERED);
	request.max_answer = 1;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_FAILED);
}

static void refused_connection_was_not_sent(void **state)
{
	char url[64];
	int fd = listen_on_loopback(1, url, sizeof(url), "http");
	struct http_request request = request_to("POST", url);

	(void)state;
	close(fd);
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_NOT_SENT);
}

/* A TLS handshake that never ends, since the server speaks none. */
static void handshake_timeout_was_not_sent(void **state)
{
	char url[64];
	int fd = listen_on_loopback(8, url, sizeof(url), "https");
	struct http_request request = request_to("POST", url);

	(void)state;
	request.connect_timeout_ms = 100;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_NOT_SENT);
	request.connect_timeout_ms = 2000;
	request.timeout_ms = 100;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_NOT_SENT);
	close(fd);
}

static void failed_handshake_was_not_sent(void **state)
{
	struct http_request request = request_to("POST", NULL);
	char url[64];

	(void)state;
	server.answer = "not TLS\r\n\r\n";
	server.hangs_up = true;
	assert_true(snprintf(url, sizeof(url), "https%s", server.url + 4) > 0);
	request.url = url;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_NOT_SENT);
}

/* A certificate for 127.0.0.1 that nobody has vouched for. */
static SSL_CTX *self_signed(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"127.0.0.1", -1, -1, 0), 1);
	assert_int_equal(X509_set_issuer_name(certificate, name), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return context;
}

static void *shake_hands(void *listener)
{
	SSL_CTX *context = self_signed();
	SSL *tls = SSL_new(context);
	int fd = accept(*(int *)listener, NULL, NULL);
	char byte = 0;

	SSL_set_fd(tls, fd);
	if (SSL_accept(tls) == 1)
		(void)SSL_read(tls, &byte, 1);
	SSL_free(tls);
	SSL_CTX_free(context);
	close(fd);
	return byte != 0 ? listener : NULL;
}

static void unknown_certificate_gets_no_request(void **state)
{
	char url[64];
	int fd = listen_on_loopback(8, url, sizeof(url), "https");
	struct http_request request = request_to("POST", url);
	pthread_t thread;
	void *got_request;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, shake_hands, &fd), 0);
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_NOT_SENT);
	assert_int_equal(pthread_join(thread, &got_request), 0);
	assert_null(got_request);
	close(fd);
}

static void silent_server_is_a_timeout(void **state)
{
	struct http_request request = request_to("POST", server.url);

	(void)state;
	server.answer = NULL;
	request.timeout_ms = 100;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_TIMED_OUT);
	assert_memory_equal(server.seen, "POST ", 5);
}

/* On a kept connection, too, where nothing has to be connected any more. */
static void silence_on_a_kept_connection_is_a_timeout(void **state)
{
	struct http_request request = request_to("POST", server.url);

	(void)state;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_ANSWERED);
	server.answer = NULL;
	request.timeout_ms = 100;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_TIMED_OUT);
	assert_int_equal(server.connections, 1);
}

static void connection_lost_under_way_is_broken(void **state)
{
	static const char *const answers[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HTTP/1.1 2", "garbage\r\n\r\n",
	};

	(void)state;
	server.hangs_up = true;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		server.answer = answers[i];
		assert_int_equal(exchange("POST"), HTTP_BROKEN);
	}
}

static void header_with_a_line_break_is_refused(void **state)
{
	static const char *const headers[] = { "Idempotency-Key: a\r\nStripe-Account: acct_1", NULL };
	struct http_request request = request_to("POST", server.url);

	(void)state;
	request.headers = headers;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_FAILED);
	request.headers = NULL;
	request.bearer = "a\nb";
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_FAILED);
	assert_int_equal(server.connections, 0);
}

static void no_time_left_is_no_endless_wait(void **state)
{
	struct http_request request = request_to("POST", server.url);

	(void)state;
	request.timeout_ms = 0;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_FAILED);
	assert_int_equal(server.connections, 0);
}

static void plain_http_is_for_loopback_only(void **state)
{
	static const char *const allowed[] = {
		"https://api.stripe.com", "https://api.stripe.com/v1/x?y=z", "http://127.0.0.1:8080/",
		"http://127.9.9.9", "http://[::1]:80/", "http://localhost:1234",
	};
	static const char *const refused[] = {
		"http://api.stripe.com", "http://127.0.0.1.example.com", "http://127.0.0.1@example.com/",
		"http://localhost.example.com", "http://128.0.0.1", "ftp://127.0.0.1/", "file:///etc/passwd",
		"127.0.0.1", "", "https://", "/path", "http://[::2]/", "http://0.0.0.0/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		assert_true(http_url_allowed(allowed[i]));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(http_url_allowed(refused[i]));
}

static void url_that_is_not_allowed_is_not_asked(void **state)
{
	struct http_request request = request_to("GET", "http://192.0.2.1/");

	(void)state;
	assert_int_equal(http_client_exchange(client, &request, &response), HTTP_FAILED);
}

static int init(void **state)
{
	(void)state;
	return http_client_init() ? 0 : -1;
}

static int cleanup(void **state)
{
	(void)state;
	http_client_cleanup();
	return 0;
}

#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(answer_is_read_with_its_headers),
		HTTP_TEST(nothing_is_left_of_an_earlier_answer),
		HTTP_TEST(retry_after_may_be_a_date),
		HTTP_TEST(post_carries_headers_bearer_and_body),
		HTTP_TEST(secret_of_one_request_is_not_in_the_next),
		HTTP_TEST(post_without_body_says_so),
		HTTP_TEST(delete_has_no_body),
		HTTP_TEST(connection_is_kept),
		HTTP_TEST(redirect_is_an_answer),
		HTTP_TEST(proxy_of_the_environment_is_ignored),
		HTTP_TEST(answer_over_the_maximum_fails),
		HTTP_TEST(refused_connection_was_not_sent),
		HTTP_TEST(handshake_timeout_was_not_sent),
		HTTP_TEST(failed_handshake_was_not_sent),
		HTTP_TEST(unknown_certificate_gets_no_request),
		HTTP_TEST(silent_server_is_a_timeout),
		HTTP_TEST(silence_on_a_kept_connection_is_a_timeout),
		HTTP_TEST(connection_lost_under_way_is_broken),
		HTTP_TEST(header_with_a_line_break_is_refused),
		HTTP_TEST(no_time_left_is_no_endless_wait),
		cmocka_unit_test(plain_http_is_for_loopback_only),
		HTTP_TEST(url_that_is_not_allowed_is_not_asked),
	};

	return cmocka_run_group_tests(tests, init, cleanup);
}
