/* Secrets of files: refused when others may read or write them, kept in secret_memory.h. */
#ifndef TOLLGATE_SECRET_H
#define TOLLGATE_SECRET_H

#include <stddef.h>

#include "problem.h"

struct secret {
	char *text;    /* terminated; surrounding white space of the file is not part of it */
	size_t length;
};

/* Reads the file, at most 4096 bytes. Refused: not a regular file, readable or
 * writable by others, writable by the group, empty, a NUL byte. The message
 * names the file and the reason. */
enum result secret_read(const char *path, struct secret *secret, struct problem *problem);
void secret_free(struct secret *secret);

#endif
