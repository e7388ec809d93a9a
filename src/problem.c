#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* How long a browser or Stripe should leave a Redis that fails over. */
#define STORE_RETRY_AFTER 2

/* A character that was cut in two would make the whole answer no UTF-8. */
static void drop_half_character(char *text)
{
	size_t length = strlen(text);

	for (int i = 0; i < 3 && length > 0 && !utf8_valid(text, length); i++)
		text[--length] = '\0';
}

enum result problem_set(struct problem *problem, enum result result,
    const char *code, const char *param, const char *format, ...)
{
	va_list args;

	memset(problem, 0, sizeof(*problem));
	problem->result = result;
	strncpy(problem->code, code, sizeof(problem->code) - 1);
	if (param != NULL)
		strncpy(problem->param, param, sizeof(problem->param) - 1);
	va_start(args, format);
	if (vsnprintf(problem->message, sizeof(problem->message), format, args) < 0)
		problem->message[0] = '\0';
	drop_half_character(problem->message);
	va_end(args);
	return result;
}

enum result problem_memory(struct problem *problem)
{
	return problem_set(problem, RESULT_INTERNAL, "out_of_memory", NULL,
	    "The server is out of memory.");
}

enum result problem_store(struct problem *problem)
{
	problem_set(problem, RESULT_UNAVAILABLE, "store_unavailable", NULL,
	    "Billing is not available right now. Please try again in a moment.");
	problem->retry_after = STORE_RETRY_AFTER;
	return RESULT_UNAVAILABLE;
}

const char *result_str(enum result result)
{
	static const char *const words[] = {
		[RESULT_OK] = "ok",
		[RESULT_INVALID] = "invalid",
		[RESULT_UNIDENTIFIED] = "unidentified",
		[RESULT_DECLINED] = "declined",
		[RESULT_FORBIDDEN] = "forbidden",
		[RESULT_NOT_FOUND] = "not_found",
		[RESULT_METHOD] = "method",
		[RESULT_CONFLICT] = "conflict",
		[RESULT_TOO_LARGE] = "too_large",
		[RESULT_MEDIA_TYPE] = "media_type",
		[RESULT_RATE_LIMITED] = "rate_limited",
		[RESULT_INTERNAL] = "internal",
		[RESULT_UPSTREAM] = "upstream",
		[RESULT_DOUBTFUL] = "doubtful",
		[RESULT_UNAVAILABLE] = "unavailable",
		[RESULT_TIMEOUT] = "timeout",
	};

	return words[result];
}
