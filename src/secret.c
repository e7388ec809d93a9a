#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret_memory.h"

#define SECRET_FILE_MAX 4096
#define SPACE " \t\r\n\v\f"

static const char *mode_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if ((st->st_mode & (S_IROTH | S_IWOTH)) != 0)
		return "can be read or written by others (chmod o-rw)";
	if ((st->st_mode & S_IWGRP) != 0)
		return "can be written by its group (chmod g-w)";
	return NULL;
}

/* The whole of what is there, up to `size`; -1 as read(2). */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, bytes + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* Why the file cannot be used, or NULL after filling *secret. */
static const char *take(const char *bytes, size_t length, struct secret *secret)
{
	size_t start;

	if (length > SECRET_FILE_MAX)
		return "is longer than 4096 bytes";
	if (memchr(bytes, '\0', length) != NULL)
		return "holds a NUL byte";
	start = strspn(bytes, SPACE);
	while (length > start && strchr(SPACE, bytes[length - 1]) != NULL)
		length--;
	if (length == start)
		return "is empty";
	secret->text = secret_memory_new(length - start + 1);
	if (secret->text == NULL)
		return strerror(ENOMEM);
	memcpy(secret->text, bytes + start, length - start);
	secret->length = length - start;
	return NULL;
}

/* O_NONBLOCK: a FIFO put in the file's place must not hold up the start. */
static const char *read_file(const char *path, struct secret *secret)
{
	char bytes[SECRET_FILE_MAX + 2] = { 0 };
	const char *fault;
	struct stat st;
	ssize_t length;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0) {
		fault = strerror(errno);
		goto out;
	}
	fault = mode_fault(&st);
	if (fault != NULL)
		goto out;
	length = read_all(fd, bytes, sizeof(bytes) - 1);
	fault = length < 0 ? strerror(errno) : take(bytes, (size_t)length, secret);
out:
	explicit_bzero(bytes, sizeof(bytes));
	close(fd);
	return fault;
}

enum result secret_read(const char *path, struct secret *secret, struct problem *problem)
{
	const char *fault = read_file(path, secret);

	if (fault != NULL)
		return problem_set(problem, RESULT_INVALID, "secret_file", NULL,
		    "%.180s: %s", path, fault);
	return RESULT_OK;
}

void secret_free(struct secret *secret)
{
	secret_memory_free(secret->text, secret->length + 1);
	*secret = (struct secret){ 0 };
}
