/* What every unit test before a real Redis starts with. */
#ifndef TOLLGATE_TESTS_STORE_FIXTURE_H
#define TOLLGATE_TESTS_STORE_FIXTURE_H

#include "redis_server.h"

extern struct redis_server server;
extern struct store *store;

/* For cmocka: a server and its store for the group, and an empty one for each test. */
int store_start(void **state);
int store_stop(void **state);
int store_empty(void **state);

#endif
