#include "settings_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char directory[64];
char logged[16384];

int enter_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/tollgate-settings-XXXXXX");
	return mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

int remove_directory(void **state)
{
	char command[128];

	(void)state;
	if (snprintf(command, sizeof(command), "rm -r %s", directory) < 0 || chdir("/") != 0)
		return -1;
	return system(command);
}

void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(name, 0600), 0);
}

struct settings *load_secrets(const char *text, unsigned secrets)
{
	int before = dup(STDERR_FILENO);
	int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct settings *settings;
	ssize_t n;

	put("tollgate.conf", text);
	assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	settings = settings_load("tollgate.conf", secrets);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	n = pread(fd, logged, sizeof(logged) - 1, 0);
	assert_true(n >= 0);
	logged[n] = '\0';
	close(fd);
	close(before);
	return settings;
}

struct settings *load(const char *text)
{
	return load_secrets(text, 0);
}

void assert_refused_with(const char *text, unsigned secrets, const char *reason)
{
	struct settings *settings = load_secrets(text, secrets);

	if (settings != NULL || strstr(logged, reason) == NULL)
		fail_msg("expected \"%s\" for\n%s\nlogged: %s", reason, text, logged);
}

void assert_refused(const char *text, const char *reason)
{
	assert_refused_with(text, 0, reason);
}

char *with_directory(const char *format)
{
	static char text[4096];
	const char *at = strstr(format, "@/");
	size_t length = 0;

	for (; at != NULL; at = strstr(format, "@/")) {
		int n = snprintf(text + length, sizeof(text) - length, "%.*s%s/", (int)(at - format), format,
		    directory);

		assert_true(n > 0 && (size_t)n < sizeof(text) - length);
		length += (size_t)n;
		format = at + 2;
	}
	assert_true(strlen(format) < sizeof(text) - length);
	strcpy(text + length, format);
	return text;
}
