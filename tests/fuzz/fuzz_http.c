/* What a server sends, byte by byte, through libcurl: two answers, a line "%%" between. */
#include "http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"

#define ANSWER_MAX 2048
#define NAME_SIZE 8

static int listener = -1;
static int ours = -1;
static struct fuzz_input said;

CURLcode __real_curl_easy_perform(CURL *easy);
CURLcode __wrap_curl_easy_perform(CURL *easy);

/* Once curl is connected, and before it asks: all is said already. */
static int answer(void *context, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
	size_t length;
	char *text = fuzz_take(&said, "\n%%\n", &length);

	(void)context;
	(void)primary_ip;
	(void)local_ip;
	(void)primary_port;
	(void)local_port;
	ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert(ours >= 0);
	assert(length == 0 || send(ours, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) != 0);
	shutdown(ours, SHUT_WR);
	free(text);
	return CURL_PREREQFUNC_OK;
}

/* Bound without a name, the socket gets one from the kernel (unix(7), "Autobind feature"). */
static void listen_anywhere(char name[NAME_SIZE])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	assert(listen(listener, 8) == 0 && size <= sizeof(sa_family_t) + NAME_SIZE);
	memcpy(name, address.sun_path + 1, size - sizeof(sa_family_t) - 1);
}

/* In the place of curl's own (ld --wrap): connects to this process, whatever the URL. */
CURLcode __wrap_curl_easy_perform(CURL *easy)
{
	static char name[NAME_SIZE];
	CURLcode code;

	if (listener < 0)
		listen_anywhere(name);
	assert(curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name) == CURLE_OK);
	assert(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, answer) == CURLE_OK);
	assert(curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK);
	assert(curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK);
	code = __real_curl_easy_perform(easy);
	close(ours);
	return code;
}

static void check_answer(const struct http_response *response)
{
	assert(response->status >= 0 && response->status <= 999);
	assert(response->date >= 0 && response->retry_after >= -1);
	assert(response->should_retry >= -1 && response->should_retry <= 1);
	assert(response->body.length <= ANSWER_MAX && !response->body.failed);
	assert(strnlen(response->request_id, sizeof(response->request_id))
	    < sizeof(response->request_id));
}

static void exchange(struct http_client *client, struct http_response *response)
{
	static const struct http_request request = {
		.method = "GET", .url = "http://127.0.0.1/", .connect_timeout_ms = 1000,
		.timeout_ms = 1000, .max_answer = ANSWER_MAX,
	};

	if (http_client_exchange(client, &request, response) == HTTP_ANSWERED)
		check_answer(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_client *client;
	struct http_response response = { .status = 0 };

	if (client == NULL) {
		assert(http_client_init());
		client = http_client_new("tollgate-fuzz");
	}
	assert(client != NULL);
	said = (struct fuzz_input){ (const char *)data, size };
	exchange(client, &response);
	exchange(client, &response);
	http_response_free(&response);
	return 0;
}
