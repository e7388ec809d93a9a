#include "store_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct store_address parsed(const char *url)
{
	struct store_address address;

	if (!store_address_parse(url, &address))
		fail_msg("%s was refused", url);
	return address;
}

static void assert_endpoint(const struct store_endpoint *endpoint, const char *host, long port)
{
	assert_string_equal(endpoint->host, host);
	assert_int_equal(endpoint->port, port);
}

static void unix_socket_has_a_path_and_no_port(void **state)
{
	struct store_address address = parsed("unix:/run/a:b,c/redis.sock");

	(void)state;
	assert_int_equal(address.n_endpoints, 1);
	assert_endpoint(&address.endpoints[0], "/run/a:b,c/redis.sock", 0);
	assert_string_equal(address.master, "");
}

static void server_has_a_port_and_a_database_of_its_own_or_the_usual(void **state)
{
	static const struct { const char *url, *host; long port, db; } cases[] = {
		{ "tcp://h", "h", 6379, 0 },
		{ "tcp://10.0.0.1:7000", "10.0.0.1", 7000, 0 },
		{ "tcp://h/3", "h", 6379, 3 },
		{ "tcp://[::1]:7000/15", "::1", 7000, 15 },
		{ "rediss://h:7000/1", "h", 7000, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_address address = parsed(cases[i].url);

		assert_endpoint(&address.endpoints[0], cases[i].host, cases[i].port);
		assert_int_equal(address.db, cases[i].db);
		assert_string_equal(address.master, "");
		assert_int_equal(address.endpoints[0].tls, strncmp(cases[i].url, "rediss", 6) == 0);
	}
}

static void sentinels_are_several_and_know_the_master_by_name(void **state)
{
	struct store_address address = parsed("sentinel://a,[fe80::1]:26380,c:1/shop-1/2");

	(void)state;
	assert_int_equal(address.n_endpoints, 3);
	assert_endpoint(&address.endpoints[0], "a", 26379);
	assert_endpoint(&address.endpoints[1], "fe80::1", 26380);
	assert_endpoint(&address.endpoints[2], "c", 1);
	assert_string_equal(address.master, "shop-1");
	assert_int_equal(address.db, 2);
	assert_int_equal(parsed("sentinel://a/m").db, 0);
}

static void eight_sentinels_are_the_most(void **state)
{
	struct store_address address;

	(void)state;
	assert_int_equal(parsed("sentinel://a,b,c,d,e,f,g,h/m").n_endpoints, STORE_SENTINELS_MAX);
	assert_false(store_address_parse("sentinel://a,b,c,d,e,f,g,h,i/m", &address));
}

static void what_is_no_address_is_refused_and_writes_nothing(void **state)
{
	static const char *const urls[] = {
		"", "unix:", "redis://h", "h:6379", "tcp:/h", "tcp://", "tcp://h:", "tcp://h:x", "tcp://h:0",
		"tcp://h:70000", "tcp://h:6379/", "tcp://h:6379/x", "tcp://h:6379/0/1", "tcp://[::1",
		"tcp://a,b", "sentinel://", "sentinel://a", "sentinel://a,b", "sentinel:///m",
		"sentinel://a,/m", "sentinel://,a/m", "sentinel://a/", "sentinel://a/m/", "sentinel://a/m/x",
		"sentinel://a/m/1/2", "sentinel://a:/m", "sentinel://a b:1x/m",
	};
	struct store_address address;
	struct store_address untouched;

	(void)state;
	memset(&address, 0xA5, sizeof(address));
	untouched = address;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (store_address_parse(urls[i], &address))
			fail_msg("%s was taken", urls[i]);
		assert_memory_equal(&address, &untouched, sizeof(address));
	}
}

static void name_that_is_too_long_is_refused(void **state)
{
	char url[STORE_HOST_SIZE + 32] = "tcp://";
	struct store_address address;

	(void)state;
	memset(url + 6, 'a', STORE_HOST_SIZE - 1);
	assert_true(store_address_parse(url, &address));
	url[6 + STORE_HOST_SIZE - 1] = 'a';
	assert_false(store_address_parse(url, &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_socket_has_a_path_and_no_port),
		cmocka_unit_test(server_has_a_port_and_a_database_of_its_own_or_the_usual),
		cmocka_unit_test(sentinels_are_several_and_know_the_master_by_name),
		cmocka_unit_test(eight_sentinels_are_the_most),
		cmocka_unit_test(what_is_no_address_is_refused_and_writes_nothing),
		cmocka_unit_test(name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
