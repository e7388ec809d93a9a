#include "settings_keys.h"

#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define PATTERNS_MAX 64 /* more than there are formats */

static const struct {
	const char *name;
	int64_t milliseconds;
} units[] = {
	{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

/* Compiled once: a thousand sites are checked against the same few patterns,
 * and compiling one takes longer than anything else of loading. */
static struct {
	const char *pattern;
	regex_t regex;
} compiled[PATTERNS_MAX];
static size_t n_compiled;

static const regex_t *pattern_compile(const char *pattern)
{
	size_t i = 0;

	while (i < n_compiled && compiled[i].pattern != pattern)
		i++;
	if (i < n_compiled)
		return &compiled[i].regex;
	if (i == PATTERNS_MAX || regcomp(&compiled[i].regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return NULL;
	compiled[i].pattern = pattern;
	n_compiled++;
	return &compiled[i].regex;
}

void key_patterns_free(void)
{
	while (n_compiled > 0)
		regfree(&compiled[--n_compiled].regex);
}

static bool matches(const char *text, const char *pattern)
{
	const regex_t *regex = pattern_compile(pattern);

	return regex != NULL && regexec(regex, text, 0, NULL, 0) == 0;
}

static bool choice_parse(const struct choice *choices, const char *text, int64_t *number)
{
	for (; choices->name != NULL; choices++) {
		if (strcmp(choices->name, text) == 0) {
			*number = choices->value;
			return true;
		}
	}
	return false;
}

/* Nine digits at most, so that no unit can make it overflow. *rest is behind them. */
static bool digits_parse(const char *text, int64_t *number, const char **rest)
{
	size_t length = strspn(text, "0123456789");

	if (length < 1 || length > 9)
		return false;
	*number = strtoimax(text, NULL, 10);
	*rest = text + length;
	return true;
}

static bool number_parse(const char *text, int64_t *number)
{
	const char *rest;

	return digits_parse(text, number, &rest) && *rest == '\0';
}

/* In units of `resolution` milliseconds; "500ms" is no number of seconds. */
static bool duration_parse(const char *text, int64_t resolution, int64_t *number)
{
	const char *rest;
	int64_t count;

	if (!digits_parse(text, &count, &rest))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, rest) == 0) {
			*number = count * units[i].milliseconds / resolution;
			return count * units[i].milliseconds % resolution == 0;
		}
	}
	return false;
}

static bool amount_parse(const struct format *format, const char *text, int64_t *number)
{
	switch (format->kind) {
	case FORMAT_SECONDS:
		return duration_parse(text, 1000, number);
	case FORMAT_MILLISECONDS:
		return duration_parse(text, 1, number);
	default:
		return number_parse(text, number);
	}
}

/* "30/10m", or "off". */
static bool limit_parse(const struct format *format, const char *text, struct limit *limit)
{
	const char *duration;

	*limit = (struct limit){ 0 };
	if (strcmp(text, "off") == 0)
		return true;
	return digits_parse(text, &limit->count, &duration) && limit->count > 0 && *duration == '/' &&
	    duration_parse(duration + 1, 1, &limit->window_ms) &&
	    limit->window_ms >= format->min && limit->window_ms <= format->max;
}

/* *number is left alone by a text and a limit. */
static bool number_of(const struct format *format, const char *text, int64_t *number)
{
	if (format->kind == FORMAT_TEXT || format->kind == FORMAT_LIMIT)
		return true;
	if (format->choices != NULL)
		return choice_parse(format->choices, text, number);
	return amount_parse(format, text, number) && *number >= format->min && *number <= format->max;
}

static bool value_valid(const struct format *format, const char *text)
{
	struct limit limit;
	int64_t number;

	if (format->kind == FORMAT_LIMIT)
		return limit_parse(format, text, &limit);
	if (format->kind == FORMAT_TEXT)
		return matches(text, format->pattern) && (format->also == NULL || format->also(text));
	return number_of(format, text, &number);
}

static bool text_store(const char *text, char **member)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return false;
	free(*member);
	*member = copy;
	return true;
}

static bool word_store(const char *text, struct words *words)
{
	char **longer = reallocarray(words->word, words->count + 1, sizeof(*longer));

	if (longer == NULL)
		return false;
	words->word = longer;
	words->word[words->count] = strdup(text);
	if (words->word[words->count] == NULL)
		return false;
	words->count++;
	return true;
}

/* Every enum of the settings has the type that C gives an enum without negative values. */
static void number_store(enum format_kind kind, int64_t number, void *member)
{
	if (kind == FORMAT_CHOICE)
		*(unsigned *)member = (unsigned)number;
	else if (kind == FORMAT_BOOL)
		*(bool *)member = number != 0;
	else if (kind == FORMAT_INT)
		*(int *)member = (int)number;
	else
		*(int64_t *)member = number;
}

static bool is_words(const struct key *key)
{
	return key->shape == KEY_WORD || key->shape == KEY_WORDS;
}

const char *key_check(const struct key *key, const char *text)
{
	if (!utf8_printable(text, strlen(text)))
		return "must be UTF-8 without control characters";
	return value_valid(key->format, text) ? NULL : key->format->must;
}

bool key_store(const struct key *key, const char *text, void *object)
{
	char *member = (char *)object + key->offset;
	int64_t number = 0;

	if (is_words(key))
		return word_store(text, (struct words *)(void *)member);
	if (key->format->kind == FORMAT_TEXT)
		return text_store(text, (char **)(void *)member);
	if (key->format->kind == FORMAT_LIMIT)
		return limit_parse(key->format, text, (struct limit *)(void *)member);
	if (number_of(key->format, text, &number))
		number_store(key->format->kind, number, member);
	return true;
}

static void words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct words){ 0 };
}

void keys_free(const struct key *keys, void *object)
{
	for (const struct key *key = keys; key->name != NULL; key++) {
		char *member = (char *)object + key->offset;

		if (is_words(key)) {
			words_free((struct words *)(void *)member);
		} else if (key->format->kind == FORMAT_TEXT) {
			free(*(char **)(void *)member);
			*(char **)(void *)member = NULL;
		}
	}
}
