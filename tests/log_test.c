#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int stderr_before;
static int log_pipe[2];

/* With O_DIRECT each read takes what one write(2) gave. */
static int open_log(void **state)
{
	(void)state;
	stderr_before = dup(STDERR_FILENO);
	if (pipe2(log_pipe, O_NONBLOCK | O_DIRECT) != 0)
		return -1;
	log_open("tollgate-test", LOG_LEVEL_INFO);
	log_context(NULL, NULL);
	return dup2(log_pipe[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int close_log(void **state)
{
	(void)state;
	close(log_pipe[0]);
	close(log_pipe[1]);
	return dup2(stderr_before, STDERR_FILENO) < 0 || close(stderr_before) != 0 ? -1 : 0;
}

static const char *written(void)
{
	static char line[PIPE_BUF + 1];
	ssize_t n = read(log_pipe[0], line, PIPE_BUF);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void line_names_priority_program_and_pairs(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_WARNING, "checkout created", "session", "cs_1", "count", "2", NULL);
	assert_string_equal(written(),
	    "<4>tollgate-test: event=\"checkout created\" session=cs_1 count=2\n");
	assert_string_equal(written(), "");
}

static void context_is_carried_until_it_is_set_again(void **state)
{
	char id[] = "r1";

	(void)state;
	log_context(id, "shop");
	id[0] = 'x';
	log_event(LOG_LEVEL_INFO, "one", NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=one request_id=r1 site=shop\n");
	log_context("r2", "");
	log_event(LOG_LEVEL_INFO, "two", NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=two request_id=r2\n");
	log_context(NULL, NULL);
	log_event(LOG_LEVEL_INFO, "three", NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=three\n");
}

static void null_value_drops_its_pair_only(void **state)
{
	const char *nothing = NULL;

	(void)state;
	log_event(LOG_LEVEL_INFO, "e", "a", nothing, "b", "1", NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=e b=1\n");
}

static void values_are_quoted_where_they_must_be(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_INFO, "e", "a", "", "b", "x=y", "c", "say \"hi\"", "d", "back\\slash",
	    "u", "J\xc3\xb6rg", NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=e a=\"\" b=\"x=y\" "
	    "c=\"say \\\"hi\\\"\" d=\"back\\\\slash\" u=J\xc3\xb6rg\n");
}

static void untrusted_text_cannot_begin_a_line_or_drive_a_terminal(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_INFO, "e", "a", "x\n<3>forged: event=y", "b", "\x1b[2J", "c", "\xff\xc2\x9b",
	    NULL);
	assert_string_equal(written(), "<6>tollgate-test: event=e a=\"x\\x0a<3>forged: event=y\" "
	    "b=\"\\x1b[2J\" c=\"\\xff\\xc2\\x9b\"\n");
}

static void level_past_the_threshold_writes_nothing(void **state)
{
	(void)state;
	log_event(LOG_LEVEL_DEBUG, "e", NULL);
	assert_string_equal(written(), "");
	log_open("tollgate-test", LOG_LEVEL_DEBUG);
	log_event(LOG_LEVEL_DEBUG, "e", NULL);
	assert_string_equal(written(), "<7>tollgate-test: event=e\n");
}

static void long_value_is_cut_and_closed(void **state)
{
	char value[3000];
	const char *line;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_event(LOG_LEVEL_INFO, "e", "long", value, "next", "1", NULL);
	line = written();
	assert_true(strlen(line) < 1200);
	assert_non_null(strstr(line, "vvv...\" next=1\n"));
}

static void pair_that_does_not_fit_is_dropped_whole(void **state)
{
	char value[1001];
	const char *line;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_event(LOG_LEVEL_INFO, "e", "a", value, "b", value, "c", value, "d", value, "e", value,
	    "last", "1", NULL);
	line = written();
	assert_true(strlen(line) <= PIPE_BUF);
	assert_non_null(strstr(line, " d=v"));
	assert_null(strstr(line, " e=v"));
	assert_string_equal(line + strlen(line) - strlen("v last=1\n"), "v last=1\n");
	assert_string_equal(written(), "");
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, open_log, close_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(line_names_priority_program_and_pairs),
		LOG_TEST(context_is_carried_until_it_is_set_again),
		LOG_TEST(null_value_drops_its_pair_only),
		LOG_TEST(values_are_quoted_where_they_must_be),
		LOG_TEST(untrusted_text_cannot_begin_a_line_or_drive_a_terminal),
		LOG_TEST(level_past_the_threshold_writes_nothing),
		LOG_TEST(long_value_is_cut_and_closed),
		LOG_TEST(pair_that_does_not_fit_is_dropped_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
