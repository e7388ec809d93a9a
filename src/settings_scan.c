#include "settings_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libconfuse puts the environment's variables where it reads ${NAME}, in bare
 * words and double quotes, and an unset one silently becomes nothing. Secrets
 * must not come from there, and a missing value must not look like one. It has
 * no switch for this, so the file is looked through before libconfuse reads
 * it, by the same rules of quoting. It also takes the end of the file for the
 * end of a comment, string, section or list left open, and would ignore what
 * follows it, or what was lost. */
enum place { IN_WORDS, IN_LINE_COMMENT, IN_COMMENT, IN_SINGLE_QUOTES, IN_DOUBLE_QUOTES };

#define DEPTH_MAX 8 /* a list within a plan within a site is 3 */

struct scanner {
	struct scan *scan;
	enum place place;
	int line;
	int begun;               /* line where the comment or string begins */
	int depth;
	int opened[DEPTH_MAX];   /* lines of the braces that are open */
	bool escaped;            /* the next character of a quoted string means itself */
	int last;                /* the character before, 0 = none that matters */
	char word[256];          /* so far; what does not fit is no name of anything */
	size_t length;
	char key[256];           /* the word before */
	bool is_value;           /* an equals sign stands before the word */
};

static void heading_add(struct scan *scan, const char *name)
{
	struct heading *longer = reallocarray(scan->headings, scan->n_headings + 1, sizeof(*longer));
	char *copy = strdup(name);

	if (longer != NULL)
		scan->headings = longer;
	if (longer == NULL || copy == NULL) {
		free(copy);
		scan->fault = "out of memory";
		return;
	}
	scan->headings[scan->n_headings++] = (struct heading){ .name = copy };
}

static void heading_set_account(struct scan *scan, const char *account)
{
	struct heading *heading = &scan->headings[scan->n_headings - 1];

	free(heading->account);
	heading->account = strdup(account);
	if (heading->account == NULL)
		scan->fault = "out of memory";
}

static void word_end(struct scanner *scanner)
{
	struct scan *scan = scanner->scan;

	scanner->word[scanner->length] = '\0';
	scanner->length = 0;
	if (scanner->is_value && scanner->depth == 1 && scan->n_headings > 0
	    && strcmp(scanner->key, "stripe_account") == 0)
		heading_set_account(scan, scanner->word);
	else if (!scanner->is_value && scanner->depth == 0 && strcmp(scanner->key, "site") == 0)
		heading_add(scan, scanner->word);
	strcpy(scanner->key, scanner->is_value ? "" : scanner->word);
	scanner->is_value = false;
}

static void bare_word_end(struct scanner *scanner)
{
	if (scanner->length > 0)
		word_end(scanner);
}

static void word_add(struct scanner *scanner, int c)
{
	if (scanner->length < sizeof(scanner->word) - 1)
		scanner->word[scanner->length++] = (char)c;
}

static void scan_brace(struct scanner *scanner, int c)
{
	if (c == '{' && scanner->depth < DEPTH_MAX)
		scanner->opened[scanner->depth++] = scanner->line;
	else if (c == '}' && scanner->depth > 0)
		scanner->depth--;
}

static void scan_bare(struct scanner *scanner, int c)
{
	scanner->begun = scanner->line;
	if (strchr(" \t\r\n{}()=+,\"'#", c) == NULL) {
		word_add(scanner, c);
	} else {
		bare_word_end(scanner);
		scanner->is_value = scanner->is_value || c == '=';
	}
	scan_brace(scanner, c);
	if (c == '"')
		scanner->place = IN_DOUBLE_QUOTES;
	else if (c == '\'')
		scanner->place = IN_SINGLE_QUOTES;
	else if (c == '#' || (c == '/' && scanner->last == '/'))
		scanner->place = IN_LINE_COMMENT;
	else if (c == '*' && scanner->last == '/')
		scanner->place = IN_COMMENT;
	if (scanner->place == IN_LINE_COMMENT || scanner->place == IN_COMMENT)
		scanner->length = 0;
}

static void scan_quoted(struct scanner *scanner, int c, int quote)
{
	if (!scanner->escaped && c == quote) {
		scanner->place = IN_WORDS;
		word_end(scanner);
	} else if (!scanner->escaped && c == '\\') {
		scanner->escaped = true;
	} else {
		scanner->escaped = false;
		word_add(scanner, c);
	}
}

/* False for the second character of "${". */
static bool scan_character(struct scanner *scanner, int c)
{
	enum place before = scanner->place;
	bool escaped = scanner->escaped;

	if (c == '{' && scanner->last == '$' && (before == IN_WORDS || before == IN_DOUBLE_QUOTES))
		return false;
	if (before == IN_WORDS)
		scan_bare(scanner, c);
	else if (before == IN_SINGLE_QUOTES || before == IN_DOUBLE_QUOTES)
		scan_quoted(scanner, c, before == IN_SINGLE_QUOTES ? '\'' : '"');
	else if (before == IN_LINE_COMMENT && c == '\n')
		scanner->place = IN_WORDS;
	else if (before == IN_COMMENT && c == '/' && scanner->last == '*')
		scanner->place = IN_WORDS;
	scanner->last = scanner->place == before && !escaped ? c : 0;
	if (c == '\n')
		scanner->line++;
	return true;
}

/* What is not closed where the file ends, or NULL. */
static const char *left_open(struct scanner *scanner)
{
	scanner->scan->line = scanner->begun;
	if (scanner->place == IN_COMMENT)
		return "a comment is not closed";
	if (scanner->place == IN_SINGLE_QUOTES || scanner->place == IN_DOUBLE_QUOTES)
		return "a string is not closed";
	if (scanner->depth == 0)
		return NULL;
	scanner->scan->line = scanner->opened[scanner->depth - 1];
	return "the brace that is opened here is not closed";
}

/* The rest is looked through for headings all the same. */
static void scan_file(FILE *file, struct scanner *scanner)
{
	struct scan *scan = scanner->scan;
	int c;

	while ((c = getc_unlocked(file)) != EOF) {
		if (!scan_character(scanner, c) && scan->fault == NULL) {
			scan->line = scanner->line;
			scan->fault = "${...} is not supported: values never come from the environment";
		}
	}
	if (scan->fault == NULL && ferror(file))
		scan->fault = strerror(errno);
	if (scan->fault == NULL)
		scan->fault = left_open(scanner);
}

/* O_NONBLOCK: a FIFO or a device that a pattern finds must not hold up all other sites. */
static FILE *file_open(const char *path, const char **fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *file = NULL;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		*fault = "is not a regular file";
	else if (fd < 0 || (file = fdopen(fd, "r")) == NULL)
		*fault = strerror(errno);
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

void settings_scan(const char *path, struct scan *scan)
{
	struct scanner scanner = { .scan = scan, .place = IN_WORDS, .line = 1 };
	FILE *file;

	*scan = (struct scan){ .headings = NULL };
	file = file_open(path, &scan->fault);
	if (file == NULL)
		return;
	scan_file(file, &scanner);
	fclose(file);
}

void settings_scan_free(struct scan *scan)
{
	for (size_t i = 0; i < scan->n_headings; i++) {
		free(scan->headings[i].name);
		free(scan->headings[i].account);
	}
	free(scan->headings);
}
