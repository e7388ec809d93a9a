/* One connection to one server that speaks Redis' protocol: a Redis or a Sentinel. */
#ifndef TOLLGATE_STORE_LINK_H
#define TOLLGATE_STORE_LINK_H

#include <stdbool.h>

#include "settings.h"
#include "store_address.h"

#define STORE_TIMEOUT_MS 200 /* to connect, and for each answer */
#define STORE_WHY_SIZE 128

struct redisContext;

/* NULL, and why not. The caller's; redisFree. */
struct redisContext *store_link_open(const struct store_endpoint *endpoint,
    char why[STORE_WHY_SIZE]);
/* False, and why, when the server did not answer or answered with an error. */
bool store_link_tell(struct redisContext *context, int argc, const char **argv,
    char why[STORE_WHY_SIZE]);
/* AUTH, where the settings have a password. */
bool store_link_login(struct redisContext *context, const struct redis_settings *settings,
    char why[STORE_WHY_SIZE]);

/* After a command without a reply: the server closed the connection, as its
 * `timeout` or a restart does. One that is too slow is not dead. */
bool store_link_dead(const struct redisContext *context);
const char *store_link_error(const struct redisContext *context);

#endif
