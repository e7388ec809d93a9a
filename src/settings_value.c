#include "settings_keys.h"

#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static const struct {
	const char *name;
	int64_t milliseconds;
} units[] = {
	{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

static bool matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool matched;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matched = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return matched;
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
static bool value_parse(const struct format *format, const char *text, int64_t *number)
{
	struct limit limit;

	if (format->kind == FORMAT_LIMIT)
		return limit_parse(format, text, &limit);
	if (format->kind == FORMAT_TEXT)
		return matches(text, format->pattern) && (format->also == NULL || format->also(text));
	if (format->choices != NULL)
		return choice_parse(format->choices, text, number);
	return amount_parse(format, text, number) && *number >= format->min && *number <= format->max;
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

static bool value_store(const struct key *key, const char *text, int64_t number, void *member)
{
	if (is_words(key))
		return word_store(text, member);
	if (key->format->kind == FORMAT_TEXT)
		return text_store(text, member);
	if (key->format->kind == FORMAT_LIMIT)
		return limit_parse(key->format, text, member);
	number_store(key->format->kind, number, member);
	return true;
}

const char *key_store(const struct key *key, const char *text, void *object)
{
	int64_t number = 0;

	if (!utf8_printable(text, strlen(text)))
		return "must be UTF-8 without control characters";
	if (!value_parse(key->format, text, &number))
		return key->format->must;
	if (object != NULL && !value_store(key, text, number, (char *)object + key->offset))
		return "out of memory";
	return NULL;
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
