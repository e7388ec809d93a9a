/* Redis: one connection per thread and server, kept, retried once; scripts by digest. */
#ifndef TOLLGATE_STORE_H
#define TOLLGATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"
#include "settings.h"

struct store; /* one per thread */
struct redisReply;

/* Connects on first use. The process must ignore SIGPIPE. */
struct store *store_new(const struct settings *settings);
void store_free(struct store *store);

/* One command on the site's Redis, binary safe. The reply is the caller's
 * (store_reply_free), never NULL and never an error reply on RESULT_OK.
 * RESULT_UNAVAILABLE: not reachable, timed out (200 ms), full, read-only;
 * RESULT_INTERNAL: any other error reply. Both are logged here. A command is
 * sent again once when the kept connection turned out to be dead. */
enum result store_command(struct store *store, const struct site *site,
    size_t argc, const char **argv, const size_t *lengths, struct redisReply **reply);
/* The same with "%s" arguments, for short fixed commands: words in order, ended by NULL. */
enum result store_words(struct store *store, const struct site *site,
    struct redisReply **reply, ...) __attribute__((sentinel));
void store_reply_free(struct redisReply *reply);
/* After a failure: whether Redis refuses the site's login. */
bool store_locked_out(const struct store *store, const struct site *site);

/* A script of ours, by its text; EVALSHA, and EVAL when Redis does not know it.
 * `argv` holds the keys, then the other arguments; `argc` counts both. The
 * script is known by its address: keep it in a constant. */
struct store_script {
	const char *name;
	const char *text;
};
enum result store_script_run(struct store *store, const struct site *site,
    const struct store_script *script, size_t n_keys, size_t argc, const char **argv,
    struct redisReply **reply);

/* tollgate:{site}:<noun>[:<id>], as tollgate-redis(7) lists them. `id` may be
 * NULL. False when it does not fit, which no checked input causes. */
#define STORE_KEY_SIZE 512
#define STORE_KEY_BEGIN "tollgate:{"
bool store_key(char key[STORE_KEY_SIZE], const struct site *site, const char *noun, const char *id);

/* What `tollgate check` and the start of each program say about the server:
 * reachable, not a Cluster, maxmemory-policy noeviction, behind Sentinels with
 * min-replicas-to-write. Warnings are logged; RESULT_INVALID for a Cluster,
 * RESULT_FORBIDDEN for a login that is refused, which may pass by itself. */
enum result store_inspect(struct store *store, const struct site *site, struct problem *problem);

#endif
