#include "http_client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"

struct http_client {
	CURLSH *share; /* keeps connections between exchanges */
	CURL *easy;    /* of the exchange under way, or NULL */
	char *user_agent;
	char error[CURL_ERROR_SIZE];
};

/* Where an answer is collected, and how much of it is taken. */
struct sink {
	struct strbuf *body;
	size_t max;
};

static const struct {
	CURLoption option;
	long value;
} fixed_numbers[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
};

static const struct {
	CURLoption option;
	const char *value;
} fixed_texts[] = {
	{ CURLOPT_PROTOCOLS_STR, "https,http" },
	{ CURLOPT_NOPROXY, "*" },
};

/* curl copies the bearer's secret into memory of its own, and frees that as it is. */
static void wipe_and_free(void *memory)
{
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* Not realloc, which may move, and leave what was there behind. */
static void *wipe_and_realloc(void *memory, size_t size)
{
	size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
	void *moved = malloc(size);

	if (moved == NULL)
		return NULL;
	if (memory != NULL)
		memcpy(moved, memory, had < size ? had : size);
	wipe_and_free(memory);
	return moved;
}

bool http_client_init(void)
{
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, wipe_and_realloc,
	    strdup, calloc) == CURLE_OK;
}

void http_client_cleanup(void)
{
	curl_global_cleanup();
}

static CURLSH *share_new(void)
{
	static const curl_lock_data kept[] = {
		CURL_LOCK_DATA_CONNECT, CURL_LOCK_DATA_DNS, CURL_LOCK_DATA_SSL_SESSION,
	};
	CURLSH *share = curl_share_init();

	for (size_t i = 0; share != NULL && i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (curl_share_setopt(share, CURLSHOPT_SHARE, kept[i]) == CURLSHE_OK)
			continue;
		curl_share_cleanup(share);
		return NULL;
	}
	return share;
}

struct http_client *http_client_new(const char *user_agent)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->user_agent = strdup(user_agent);
	client->share = share_new();
	if (client->user_agent == NULL || client->share == NULL) {
		http_client_free(client);
		return NULL;
	}
	return client;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_share_cleanup(client->share);
	free(client->user_agent);
	free(client);
}

static bool header_add(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer;

	/* A line break would begin another header. */
	if (header[strcspn(header, "\r\n")] != '\0')
		return false;
	longer = curl_slist_append(*list, header);
	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

static bool bearer_add(struct curl_slist **list, const char *bearer)
{
	struct strbuf header = STRBUF_INIT;
	const char *text;
	bool added;

	strbuf_appendf(&header, "Authorization: Bearer %s", bearer);
	text = strbuf_text(&header);
	added = text != NULL && header_add(list, text);
	strbuf_wipe(&header);
	return added;
}

static bool headers_build(const struct http_request *request, struct curl_slist **list)
{
	/* Without it curl waits a second for a "100 Continue" before a long body. */
	if (!header_add(list, "Expect:"))
		return false;
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		if (!header_add(list, request->headers[i]))
			return false;
	}
	return request->bearer == NULL || bearer_add(list, request->bearer);
}

static void headers_wipe(struct curl_slist *list)
{
	for (struct curl_slist *header = list; header != NULL; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(list);
}

static size_t collect(char *bytes, size_t size, size_t n, void *context)
{
	struct sink *sink = context;

	if (size * n > sink->max - sink->body->length)
		return 0;
	strbuf_append_bytes(sink->body, bytes, size * n);
	return sink->body->failed ? 0 : size * n;
}

static bool set_fixed(CURL *easy)
{
	for (size_t i = 0; i < sizeof(fixed_numbers) / sizeof(fixed_numbers[0]); i++) {
		if (curl_easy_setopt(easy, fixed_numbers[i].option, fixed_numbers[i].value) != CURLE_OK)
			return false;
	}
	for (size_t i = 0; i < sizeof(fixed_texts) / sizeof(fixed_texts[0]); i++) {
		if (curl_easy_setopt(easy, fixed_texts[i].option, fixed_texts[i].value) != CURLE_OK)
			return false;
	}
	return true;
}

/* A POST without a body still says Content-Length: 0 (RFC 9110, 8.6). */
static bool set_body(CURL *easy, const struct http_request *request)
{
	const char *body = request->body;

	if (body == NULL && strcmp(request->method, "POST") != 0)
		return true;
	return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body != NULL ? body : "") == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
	        (curl_off_t)(body != NULL ? request->body_length : 0)) == CURLE_OK;
}

static bool set_request(struct http_client *client, const struct http_request *request,
    struct curl_slist *headers, struct sink *sink)
{
	CURL *easy = client->easy;

	client->error[0] = '\0';
	return set_fixed(easy) && set_body(easy, request)
	    && curl_easy_setopt(easy, CURLOPT_SHARE, client->share) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->error) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK
	    && curl_easy_setopt(easy, CURLOPT_WRITEDATA, sink) == CURLE_OK;
}

static const char *header_of(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

static int retry_after_of(CURL *easy)
{
	curl_off_t seconds = 0;

	if (header_of(easy, "Retry-After") == NULL
	    || curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
		return -1;
	if (seconds < 0)
		return 0;
	return seconds < INT_MAX ? (int)seconds : INT_MAX;
}

static int should_retry_of(CURL *easy)
{
	const char *word = header_of(easy, "Stripe-Should-Retry");

	if (word == NULL)
		return -1;
	if (strcmp(word, "true") == 0)
		return 1;
	return strcmp(word, "false") == 0 ? 0 : -1;
}

static void read_answer(CURL *easy, struct http_response *response)
{
	const char *date = header_of(easy, "Date");
	const char *request_id = header_of(easy, "Request-Id");
	time_t seconds = date != NULL ? curl_getdate(date, NULL) : -1;

	/* curl takes any number of digits (RFC 9110, 15: three). */
	if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status) != CURLE_OK
	    || response->status < 100 || response->status > 999)
		response->status = 0;
	response->date = seconds > 0 ? seconds : 0;
	response->retry_after = retry_after_of(easy);
	response->should_retry = should_retry_of(easy);
	if (request_id != NULL && strlen(request_id) < sizeof(response->request_id))
		strcpy(response->request_id, request_id);
}

/* Whether the server may have seen the request. In doubt it may. */
static bool nothing_sent(CURL *easy)
{
	curl_off_t pretransfer = 1;
	long request_size = 1;

	return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer) == CURLE_OK
	    && curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size) == CURLE_OK
	    && pretransfer == 0 && request_size == 0;
}

static enum http_outcome outcome_of(CURL *easy, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_WRITE_ERROR:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_URL_MALFORMAT:
		return HTTP_FAILED;
	default:
		if (nothing_sent(easy))
			return HTTP_NOT_SENT;
		return code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMED_OUT : HTTP_BROKEN;
	}
}

static enum http_outcome perform(struct http_client *client, const struct http_request *request,
    struct http_response *response)
{
	CURLcode code = curl_easy_perform(client->easy);
	enum http_outcome outcome = outcome_of(client->easy, code);

	if (outcome == HTTP_ANSWERED)
		read_answer(client->easy, response);
	else
		log_event(LOG_LEVEL_WARNING, "http exchange failed", "method", request->method,
		    "reason", client->error[0] != '\0' ? client->error : curl_easy_strerror(code), NULL);
	return outcome;
}

enum http_outcome http_client_exchange(struct http_client *client,
    const struct http_request *request, struct http_response *response)
{
	enum http_outcome outcome = HTTP_FAILED;
	struct sink sink = { &response->body, request->max_answer };
	struct curl_slist *headers = NULL;

	http_response_free(response);
	/* Not one handle for all: curl 7.88 would go on with a header of the last answer,
	 * freed meanwhile, when this one begins with a folded line. */
	client->easy = curl_easy_init();
	if (client->easy == NULL || !http_url_allowed(request->url) || request->timeout_ms <= 0
	    || !headers_build(request, &headers) || !set_request(client, request, headers, &sink))
		log_event(LOG_LEVEL_ERROR, "http request cannot be made", "method", request->method, NULL);
	else
		outcome = perform(client, request, response);
	curl_easy_cleanup(client->easy);
	client->easy = NULL;
	headers_wipe(headers);
	return outcome;
}

void http_response_free(struct http_response *response)
{
	strbuf_wipe(&response->body);
	*response = (struct http_response){ .retry_after = -1, .should_retry = -1 };
}

static bool host_is_loopback(const char *host)
{
	struct in_addr address;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool http_url_allowed(const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	bool allowed = false;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK
	    && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
	    && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		allowed = strcmp(scheme, "https") == 0
		    || (strcmp(scheme, "http") == 0 && host_is_loopback(host));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return allowed;
}

/* curl takes a length as int, and 0 for "measure it yourself". */
char *http_escape(const char *text, size_t length)
{
	char *escaped;
	char *copy;

	if (length == 0)
		return strdup("");
	if (length > INT_MAX)
		return NULL;
	escaped = curl_easy_escape(NULL, text, (int)length);
	if (escaped == NULL)
		return NULL;
	copy = strdup(escaped);
	curl_free(escaped);
	return copy;
}

/* curl leaves a broken escape as it stands. */
static bool escapes_whole(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '%' && (length - i < 3 || !isxdigit((unsigned char)text[i + 1])
		    || !isxdigit((unsigned char)text[i + 2])))
			return false;
	}
	return true;
}

char *http_unescape(const char *text, size_t length, size_t *out_length)
{
	char *plain;
	char *copy;
	int n;

	if (length == 0) {
		*out_length = 0;
		return strdup("");
	}
	if (length > INT_MAX || !escapes_whole(text, length))
		return NULL;
	plain = curl_easy_unescape(NULL, text, (int)length, &n);
	if (plain == NULL)
		return NULL;
	copy = malloc((size_t)n + 1);
	if (copy != NULL) {
		memcpy(copy, plain, (size_t)n + 1);
		*out_length = (size_t)n;
	}
	curl_free(plain);
	return copy;
}
