/* What every program of ours does before anything else. */
#ifndef TOLLGATE_STARTUP_H
#define TOLLGATE_STARTUP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "settings.h"

#define STARTUP_CONFIG SYSCONFDIR "/tollgate/tollgate.conf"
#define STARTUP_THREADS_MAX 256

/* A whole number in [min, max] in this base, or -1. */
long startup_number(const char *text, int base, long min, long max);

/* Opens the log, forbids core files, ignores SIGPIPE, reads the settings with these secrets.
 * NULL: what is wrong was logged, and the exit code is EX_CONFIG. */
struct settings *startup_settings(const char *program, const char *config, unsigned secrets);

/* A site that uses this Redis, for settings->redis[index]. */
const struct site *startup_site_of_redis(const struct settings *settings, size_t index);
/* False, and logged, when one is of a kind that cannot be used at all; one that is down is
 * waited for. `ended`: nobody wants to know any more; NULL = somebody does. */
bool startup_redis_usable(const struct settings *settings, const atomic_bool *ended);

/* Says whether the configuration is valid, for -t; the exit code. With a broken
 * site it is not, although the programs would serve the others. */
int startup_test(const char *program, const char *config, const struct settings *settings);

void startup_log_started(const struct settings *settings, int threads);

#endif
