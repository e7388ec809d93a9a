#include "store_address.h"

#include <stdlib.h>
#include <string.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379
#define PORT_MAX 65535
#define DB_MAX 1000000

static bool text_take(const char **cursor, size_t length, char text[STORE_HOST_SIZE])
{
	if (length == 0 || length >= STORE_HOST_SIZE)
		return false;
	memcpy(text, *cursor, length);
	text[length] = '\0';
	*cursor += length;
	return true;
}

/* A number behind `mark`; without the mark the default stays. */
static bool number_take(const char **cursor, char mark, long min, long max, long *number)
{
	const char *digits = *cursor + 1;
	size_t length;

	if (**cursor != mark)
		return true;
	length = strspn(digits, "0123456789");
	if (length == 0 || length > 9)
		return false;
	*number = strtol(digits, NULL, 10);
	*cursor = digits + length;
	return *number >= min && *number <= max;
}

static bool endpoint_take(const char **cursor, long port, struct store_endpoint *endpoint)
{
	bool bracketed = **cursor == '[';

	*cursor += bracketed;
	if (!text_take(cursor, strcspn(*cursor, bracketed ? "]" : ":,/"), endpoint->host))
		return false;
	if (bracketed && *(*cursor)++ != ']')
		return false;
	endpoint->port = port;
	return number_take(cursor, ':', 1, PORT_MAX, &endpoint->port);
}

static bool unix_parse(const char *path, struct store_address *address)
{
	address->n_endpoints = 1;
	return text_take(&path, strlen(path), address->endpoints[0].host);
}

static bool tcp_parse(const char *cursor, struct store_address *address)
{
	address->n_endpoints = 1;
	return endpoint_take(&cursor, REDIS_PORT, &address->endpoints[0])
	    && number_take(&cursor, '/', 0, DB_MAX, &address->db) && *cursor == '\0';
}

static bool tls_parse(const char *cursor, struct store_address *address)
{
	address->endpoints[0].tls = true;
	return tcp_parse(cursor, address);
}

static bool sentinel_parse(const char *cursor, struct store_address *address)
{
	for (;;) {
		if (address->n_endpoints == STORE_SENTINELS_MAX
		    || !endpoint_take(&cursor, SENTINEL_PORT, &address->endpoints[address->n_endpoints++]))
			return false;
		if (*cursor == '/')
			break;
		if (*cursor++ != ',')
			return false;
	}
	cursor++;
	return text_take(&cursor, strcspn(cursor, "/"), address->master)
	    && number_take(&cursor, '/', 0, DB_MAX, &address->db) && *cursor == '\0';
}

bool store_address_parse(const char *url, struct store_address *address)
{
	static const struct {
		const char *scheme;
		bool (*parse)(const char *rest, struct store_address *address);
	} schemes[] = {
		{ "unix:", unix_parse }, { "tcp://", tcp_parse }, { "rediss://", tls_parse },
		{ "sentinel://", sentinel_parse },
	};
	struct store_address parsed = { .n_endpoints = 0 };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i].scheme);

		if (strncmp(url, schemes[i].scheme, length) != 0)
			continue;
		if (!schemes[i].parse(url + length, &parsed))
			return false;
		*address = parsed;
		return true;
	}
	return false;
}

bool store_endpoint_same(const struct store_endpoint *a, const struct store_endpoint *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}
