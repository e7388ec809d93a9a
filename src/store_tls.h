/* TLS to Redis, in builds whose hiredis has it. */
#ifndef TOLLGATE_STORE_TLS_H
#define TOLLGATE_STORE_TLS_H

#include <stdbool.h>

#include "store_link.h"

/* The certificate must be for `host`, and signed by whom the system trusts.
 * False, and why. */
bool store_tls_start(struct redisContext *context, const char *host, char why[STORE_WHY_SIZE]);

#endif
