#include "store_fixture.h"

struct redis_server server;
struct store *store;

int store_start(void **state)
{
	(void)state;
	if (!redis_server_start(&server, NULL, NULL))
		return -1;
	store = store_new(&server.settings);
	return store ? 0 : -1;
}

int store_stop(void **state)
{
	(void)state;
	store_free(store);
	redis_server_stop(&server);
	return 0;
}

int store_empty(void **state)
{
	struct redisReply *reply;

	(void)state;
	if (store_words(store, &server.site, &reply, "FLUSHALL", NULL) != RESULT_OK)
		return -1;
	store_reply_free(reply);
	return 0;
}
