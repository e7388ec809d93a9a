/* Whatever is logged, two texts with "%%" between them, is one line of logfmt without
 * control characters. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "fuzz.h"
#include "utf8.h"

static char line[16384];
static size_t line_length;

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);

/* In the place of write (ld --wrap): takes what goes to standard error. */
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fd != STDERR_FILENO)
		return __real_write(fd, bytes, size);
	assert(line_length == 0 && size < sizeof(line));
	memcpy(line, bytes, size);
	line_length = size;
	return (ssize_t)size;
}

/* Where the next pair begins, or the line ends. */
static const char *behind_value(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, " ");
	for (at++; *at != '"'; at++) {
		assert(*at != '\0');
		at += *at == '\\';
	}
	return at + 1;
}

static void check_line(void)
{
	const char *at = line + strcspn(line, ":") + 1;

	assert(line_length > 0 && line[line_length - 1] == '\n');
	line[--line_length] = '\0';
	assert(strlen(line) == line_length && utf8_printable(line, line_length));
	while (*at != '\0') {
		assert(*at == ' ');
		at += 1 + strcspn(at + 1, "= ");
		assert(*at == '=');
		at = behind_value(at + 1);
	}
	line_length = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { (const char *)data, size };
	size_t length;
	char *id = fuzz_take(&input, "%%", &length);
	char *value = fuzz_take(&input, "%%", &length);

	log_open("tollgate-fuzz", LOG_LEVEL_INFO);
	log_context(id, FUZZ_SITE);
	log_event(LOG_LEVEL_INFO, "fuzz", "a", value, "b", id, "c", NULL, "d", value, NULL);
	check_line();
	log_context(NULL, NULL);
	free(id);
	free(value);
	return 0;
}
