#include "log.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

/* A line of at most PIPE_BUF bytes is never mixed with another process's. */
#define LINE_MAX_BYTES PIPE_BUF
#define VALUE_MAX_BYTES 1024

struct line {
	char text[LINE_MAX_BYTES];
	size_t length;
	bool full;
};

static const char *log_program = "tollgate";
static enum log_level log_threshold = LOG_LEVEL_INFO;
static _Thread_local struct {
	char request_id[65];
	char site[64];
} context;

void log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_threshold = level;
}

void log_context(const char *request_id, const char *site)
{
	memset(&context, 0, sizeof(context));
	if (request_id != NULL)
		strncpy(context.request_id, request_id, sizeof(context.request_id) - 1);
	if (site != NULL)
		strncpy(context.site, site, sizeof(context.site) - 1);
}

/* Always leaves room for the line's end. */
static void put(struct line *line, const char *bytes, size_t length)
{
	if (line->full || length > sizeof(line->text) - 1 - line->length) {
		line->full = true;
		return;
	}
	memcpy(line->text + line->length, bytes, length);
	line->length += length;
}

static bool is_bare(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr(" =\"\\", value[i]) != NULL)
			return false;
	}
	return length > 0 && utf8_printable(value, length);
}

/* One character, escaped when it could end the quotes or drive a terminal. */
static size_t put_quoted_character(struct line *line, const char *text, size_t length)
{
	size_t printable = utf8_printable_length(text, length);
	char escape[sizeof("\\xff")];

	if (printable == 0) {
		int n = snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)*text);

		put(line, escape, n > 0 ? (size_t)n : 0);
		return 1;
	}
	if (*text == '"' || *text == '\\')
		put(line, "\\", 1);
	put(line, text, printable);
	return printable;
}

static void put_quoted(struct line *line, const char *value, size_t length)
{
	size_t end = line->length + VALUE_MAX_BYTES;

	put(line, "\"", 1);
	for (size_t i = 0; i < length && !line->full;) {
		if (line->length > end) {
			put(line, "...", 3);
			break;
		}
		i += put_quoted_character(line, value + i, length - i);
	}
	put(line, "\"", 1);
}

/* Whole or not at all: a line never ends within a pair. */
static void put_pair(struct line *line, const char *key, const char *value)
{
	size_t before = line->length;
	size_t length = strlen(value);

	put(line, " ", 1);
	put(line, key, strlen(key));
	put(line, "=", 1);
	if (length <= VALUE_MAX_BYTES && is_bare(value, length))
		put(line, value, length);
	else
		put_quoted(line, value, length);
	if (line->full)
		line->length = before;
	line->full = false;
}

void log_event(enum log_level level, const char *event, ...)
{
	struct line line = { .length = 0 };
	const char *key;
	va_list args;
	int n;

	if (level > log_threshold)
		return;
	n = snprintf(line.text, sizeof(line.text), "<%d>%.64s:", (int)level, log_program);
	line.length = n > 0 ? (size_t)n : 0;
	put_pair(&line, "event", event);
	if (context.request_id[0] != '\0')
		put_pair(&line, "request_id", context.request_id);
	if (context.site[0] != '\0')
		put_pair(&line, "site", context.site);
	va_start(args, event);
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);

		if (value != NULL)
			put_pair(&line, key, value);
	}
	va_end(args);
	line.text[line.length++] = '\n';
	/* Where logging fails there is nowhere to say so. */
	(void)!write(STDERR_FILENO, line.text, line.length);
}
