/* logfmt lines on stderr, each with a <N> priority prefix (sd-daemon(3)). */
#ifndef TOLLGATE_LOG_H
#define TOLLGATE_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* `program` is borrowed and must stay. Before log_open everything from INFO up is written. */
void log_open(const char *program, enum log_level level);

/* What every line of this thread carries until it is set again; both are
 * copied, NULL or "" = none. */
void log_context(const char *request_id, const char *site);

/* Writes one line with one write(2): `event` is a constant lower-case phrase,
 * then pairs of key and value, ended by NULL. A NULL value drops its pair.
 * Values are quoted where logfmt needs it and control characters escaped; they
 * must never be a secret, a token, a card detail or a body. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
