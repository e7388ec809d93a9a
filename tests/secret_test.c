#include "secret.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/tollgate-secret-XXXXXX";

static int make_file(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/tollgate-secret-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void put(const char *bytes, size_t length, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void assert_refused(const char *reason)
{
	struct secret secret = { 0 };
	struct problem problem;

	assert_int_equal(secret_read(path, &secret, &problem), RESULT_INVALID);
	assert_int_equal(problem.result, RESULT_INVALID);
	assert_non_null(strstr(problem.message, path));
	assert_non_null(strstr(problem.message, reason));
	assert_null(secret.text);
	assert_int_equal(secret.length, 0);
}

static void assert_taken(const char *bytes, mode_t mode, const char *expected)
{
	struct secret secret = { 0 };
	struct problem problem;

	put(bytes, strlen(bytes), mode);
	assert_int_equal(secret_read(path, &secret, &problem), RESULT_OK);
	assert_string_equal(secret.text, expected);
	assert_int_equal(secret.length, strlen(expected));
	secret_free(&secret);
	assert_null(secret.text);
	secret_free(&secret);
}

static void surrounding_space_is_not_part_of_it(void **state)
{
	(void)state;
	assert_taken("sk_test_1\n", 0600, "sk_test_1");
	assert_taken(" \t\r\nsk test\r\n\r\n", 0400, "sk test");
	assert_taken("x", 0600, "x");
}

static void group_may_read(void **state)
{
	(void)state;
	assert_taken("sk_test_1\n", 0640, "sk_test_1");
}

static void what_others_may_touch_is_refused(void **state)
{
	static const mode_t modes[] = { 0644, 0604, 0602, 0666 };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put("x", 1, modes[i]);
		assert_refused("by others");
	}
}

static void what_its_group_may_write_is_refused(void **state)
{
	(void)state;
	put("x", 1, 0620);
	assert_refused("by its group");
}

static void empty_file_is_refused(void **state)
{
	(void)state;
	put("", 0, 0600);
	assert_refused("empty");
	put(" \n\t", 3, 0600);
	assert_refused("empty");
}

static void nul_byte_is_refused(void **state)
{
	(void)state;
	put("a\0b", 3, 0600);
	assert_refused("NUL");
	put("ab\0", 3, 0600);
	assert_refused("NUL");
}

static void more_than_4096_bytes_are_refused(void **state)
{
	char bytes[4098];

	(void)state;
	memset(bytes, 'k', sizeof(bytes));
	bytes[4096] = '\0';
	assert_taken(bytes, 0600, bytes);
	bytes[4096] = 'k';
	put(bytes, 4097, 0600);
	assert_refused("4096");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_refused("No such file");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused("not a regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("not a regular file");
}

#define SECRET_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SECRET_TEST(surrounding_space_is_not_part_of_it),
		SECRET_TEST(group_may_read),
		SECRET_TEST(what_others_may_touch_is_refused),
		SECRET_TEST(what_its_group_may_write_is_refused),
		SECRET_TEST(empty_file_is_refused),
		SECRET_TEST(nul_byte_is_refused),
		SECRET_TEST(more_than_4096_bytes_are_refused),
		SECRET_TEST(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
