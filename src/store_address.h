/* Where a site's Redis is, as its URL says. */
#ifndef TOLLGATE_STORE_ADDRESS_H
#define TOLLGATE_STORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define STORE_HOST_SIZE 256
#define STORE_SENTINELS_MAX 8

struct store_endpoint {
	char host[STORE_HOST_SIZE]; /* or the path of a unix socket */
	long port;                  /* 0 = it is one */
	bool tls;
};

struct store_address {
	struct store_endpoint endpoints[STORE_SENTINELS_MAX]; /* the server, or the Sentinels */
	size_t n_endpoints;
	char master[STORE_HOST_SIZE]; /* the name that the Sentinels know it by, "" = no Sentinels */
	long db;
};

/* unix:PATH, tcp://host[:port][/db], rediss: for TLS, or sentinel://host[:port],host[:port]/master[/db];
 * an IPv6 host stands in brackets. */
bool store_address_parse(const char *url, struct store_address *address);
bool store_endpoint_same(const struct store_endpoint *a, const struct store_endpoint *b);

#endif
