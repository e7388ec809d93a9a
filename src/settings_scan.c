#include "settings_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* libconfuse puts the environment's variables where it reads ${NAME}, in bare
 * words and double quotes, and an unset one silently becomes nothing. Secrets
 * must not come from there, and a missing value must not look like one. It has
 * no switch for this, so the file is looked through before libconfuse reads
 * it, by the same rules of quoting. It also takes the end of the file for the
 * end of a comment, string, section or list left open, and would ignore what
 * follows it, or what was lost. */
enum place { IN_WORDS, IN_LINE_COMMENT, IN_COMMENT, IN_SINGLE_QUOTES, IN_DOUBLE_QUOTES };

#define DEPTH_MAX 8 /* a list within a plan within a site is 3 */

struct scan {
	enum place place;
	int line;
	int begun;               /* line where the comment or string begins */
	int depth;
	int opened[DEPTH_MAX];   /* lines of the braces that are open */
	bool escaped;   /* the next character of a quoted string means itself */
	int last;       /* the character before, 0 = none that matters */
};

static void scan_brace(struct scan *scan, int c)
{
	if (c == '{' && scan->depth < DEPTH_MAX)
		scan->opened[scan->depth++] = scan->line;
	else if (c == '}' && scan->depth > 0)
		scan->depth--;
}

static void scan_word(struct scan *scan, int c)
{
	scan_brace(scan, c);
	scan->begun = scan->line;
	if (c == '"')
		scan->place = IN_DOUBLE_QUOTES;
	else if (c == '\'')
		scan->place = IN_SINGLE_QUOTES;
	else if (c == '#' || (c == '/' && scan->last == '/'))
		scan->place = IN_LINE_COMMENT;
	else if (c == '*' && scan->last == '/')
		scan->place = IN_COMMENT;
}

static void scan_quoted(struct scan *scan, int c, int quote)
{
	if (scan->escaped)
		scan->escaped = false;
	else if (c == '\\')
		scan->escaped = true;
	else if (c == quote)
		scan->place = IN_WORDS;
}

/* False for the second character of "${". */
static bool scan_character(struct scan *scan, int c)
{
	enum place before = scan->place;
	bool escaped = scan->escaped;

	if (c == '{' && scan->last == '$' && (before == IN_WORDS || before == IN_DOUBLE_QUOTES))
		return false;
	if (before == IN_WORDS)
		scan_word(scan, c);
	else if (before == IN_SINGLE_QUOTES || before == IN_DOUBLE_QUOTES)
		scan_quoted(scan, c, before == IN_SINGLE_QUOTES ? '\'' : '"');
	else if (before == IN_LINE_COMMENT && c == '\n')
		scan->place = IN_WORDS;
	else if (before == IN_COMMENT && c == '/' && scan->last == '*')
		scan->place = IN_WORDS;
	scan->last = scan->place == before && !escaped ? c : 0;
	if (c == '\n')
		scan->line++;
	return true;
}

static const char *scan_file(FILE *file, struct scan *scan)
{
	int c;

	while ((c = getc(file)) != EOF) {
		if (!scan_character(scan, c))
			return "${...} is not supported: values never come from the environment";
	}
	if (ferror(file))
		return strerror(errno);
	if (scan->place != IN_WORDS && scan->place != IN_LINE_COMMENT) {
		scan->line = scan->begun;
		return scan->place == IN_COMMENT ? "a comment is not closed" : "a string is not closed";
	}
	if (scan->depth > 0) {
		scan->line = scan->opened[scan->depth - 1];
		return "the brace that is opened here is not closed";
	}
	return NULL;
}

bool settings_scan(const char *path)
{
	struct scan scan = { .place = IN_WORDS, .line = 1 };
	FILE *file = fopen(path, "re");
	const char *fault;

	if (file == NULL) {
		settings_fault(path, 0, "%s", strerror(errno));
		return false;
	}
	fault = scan_file(file, &scan);
	fclose(file);
	if (fault != NULL)
		settings_fault(path, scan.line, "%s", fault);
	return fault == NULL;
}
