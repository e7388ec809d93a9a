/* The shape of a reply, looked at before anything in it is used: what Redis holds may have
 * been written by another version, or by hand. */
#ifndef TOLLGATE_STORE_REPLY_H
#define TOLLGATE_STORE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

/* An array of just these: 's' a string, 'i' an integer as store_reply_is_integer has it. */
bool store_reply_is(const struct redisReply *reply, const char *shape);
/* As HGETALL gives it: names and values by turns. */
bool store_reply_is_hash(const struct redisReply *reply);
/* An integer that a Lua number holds exactly, so that a time can be added to it. */
bool store_reply_is_integer(const struct redisReply *reply);

/* store_script_run for a script that answers with such an integer; *value is written on
 * RESULT_OK, and any other answer is store_reply_unexpected. */
enum result store_script_integer(struct store *store, const struct site *site,
    const struct store_script *script, size_t n_keys, size_t argc, const char **argv, int64_t *value);

/* A number that stands as text, 0 for any other text; within the same bounds. */
int64_t store_number_parse(const char *text);

/* Logs that a reply to this is of another shape; RESULT_INTERNAL. */
enum result store_reply_unexpected(const struct site *site, const char *command);

#endif
