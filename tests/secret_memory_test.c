#include "secret_memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define REGION 65536

/* Whether the mapping that holds `memory` has this flag in /proc/self/smaps. */
static bool has_flag(const void *memory, const char *flag)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long begin, end, at = (unsigned long)(uintptr_t)memory;
	bool inside = false, found = false;
	char line[512];

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			inside = at >= begin && at < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	assert_int_equal(fclose(smaps), 0);
	return found;
}

/* The address may be somebody else's by now. */
static bool is_ours(const void *memory)
{
	return has_flag(memory, " wf");
}

static void it_is_not_dumped_not_swapped_and_empty_in_a_child(void **state)
{
	char *memory = secret_memory_new(100);
	int status;
	pid_t child;

	(void)state;
	assert_non_null(memory);
	assert_true(has_flag(memory, " dd"));
#ifndef __SANITIZE_ADDRESS__ /* which makes nothing of mlock */
	assert_true(has_flag(memory, " lo"));
#endif
	assert_true(has_flag(memory, " wf"));
	memset(memory, 's', 100);
	child = fork();
	if (child == 0)
		_exit(memory[0] == 's' || memory[99] == 's');
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	secret_memory_free(memory, 100);
}

static void pages_around_it_cannot_be_touched(void **state)
{
	char *memory = secret_memory_new(8);
	int status;
	pid_t child;

	(void)state;
	for (int i = 0; i < 2; i++) {
		child = fork();
		if (child == 0) {
			signal(SIGSEGV, SIG_DFL);
			fclose(stderr); /* where the sanitizers would tell of it */
			*(volatile char *)(i == 0 ? memory - 1 : memory + REGION) = 1;
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_not_equal(status, 0);
	}
	secret_memory_free(memory, 8);
}

static void freed_piece_is_wiped_and_the_last_one_ends_the_region(void **state)
{
	char *first = secret_memory_new(32);
	char *second = secret_memory_new(32);

	(void)state;
	memset(first, 'a', 32);
	memset(second, 'b', 32);
	secret_memory_free(first, 32);
	for (int i = 0; i < 32; i++) {
		assert_int_equal(first[i], 0);
		assert_int_equal(second[i], 'b');
	}
	secret_memory_free(second, 32);
	assert_false(is_ours(second));
}

/* Five secrets for each of a thousand sites, freed in another order. */
static void there_is_room_for_many(void **state)
{
	static char *memory[5000];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		memory[i] = secret_memory_new(107);
		assert_non_null(memory[i]);
		memset(memory[i], i % 251, 107);
	}
	for (int i = 0; i < 5000; i++) {
		int of = i * 7 % 5000;

		assert_int_equal((unsigned char)memory[of][106], of % 251);
		secret_memory_free(memory[of], 107);
	}
	for (int i = 0; i < 5000; i++)
		assert_false(is_ours(memory[i]));
}

static void more_than_can_be_is_refused(void **state)
{
	(void)state;
	assert_null(secret_memory_new(0));
	assert_null(secret_memory_new(SECRET_MEMORY_MAX + 1));
	secret_memory_free(NULL, 1);
}

/* No limit binds root. */
static void what_may_not_be_locked_is_given_anyway(void **state)
{
	const struct rlimit none = { 0, 0 };
	uid_t uid = geteuid();
	char *memory;

	(void)state;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	if (uid == 0)
		assert_int_equal(seteuid(65534), 0);
	memory = secret_memory_new(16);
	if (uid == 0)
		assert_int_equal(seteuid(0), 0);
	assert_non_null(memory);
	assert_true(has_flag(memory, " dd"));
	assert_false(has_flag(memory, " lo"));
	secret_memory_free(memory, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_not_dumped_not_swapped_and_empty_in_a_child),
		cmocka_unit_test(pages_around_it_cannot_be_touched),
		cmocka_unit_test(freed_piece_is_wiped_and_the_last_one_ends_the_region),
		cmocka_unit_test(there_is_room_for_many),
		cmocka_unit_test(more_than_can_be_is_refused),
		cmocka_unit_test(what_may_not_be_locked_is_given_anyway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
