/* Runs a target over files, without libFuzzer: those named, or else all of its corpus.
 * Speaks TAP; the last input named is the one it died of. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_MAX);
	uint8_t *input;
	size_t size;

	printf("# %s\n", path);
	fflush(stdout);
	assert(file != NULL && bytes != NULL);
	size = fread(bytes, 1, INPUT_MAX, file);
	assert(ferror(file) == 0 && fclose(file) == 0);
	input = malloc(size);
	assert(input != NULL || size == 0);
	if (size > 0)
		memcpy(input, bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* From the root, since a target may change the directory. */
static int replay_corpus(const char *target)
{
	const char *sources = getenv("srcdir");
	char *root = realpath(sources != NULL ? sources : ".", NULL);
	char directory[4096], path[4096 + 256];
	struct dirent **names;
	int n;

	assert(root != NULL);
	snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s", root, target);
	n = scandir(directory, &names, is_input, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		replay(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	free(root);
	return n;
}

int main(int argc, char **argv)
{
	const char *target = strrchr(argv[0], '_');
	int n = argc - 1;

	assert(target != NULL);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		n = replay_corpus(target + 1);
	printf("%sok 1 - %d inputs of %s hold\n1..1\n", n > 0 ? "" : "not ", n, target + 1);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
