/* Memory for secrets: in no core file, not swapped, empty in a child process, between pages
 * that cannot be touched, and wiped before it is given back. */
#ifndef TOLLGATE_SECRET_MEMORY_H
#define TOLLGATE_SECRET_MEMORY_H

#include <stddef.h>

#define SECRET_MEMORY_MAX 8192

/* Zeroed, or NULL: no memory, or more than SECRET_MEMORY_MAX asked for. Where the kernel
 * refuses to lock or to hide it, that is logged once and the memory is given anyway. By one
 * thread at a time: secrets are read before there is a second one, and freed after it. */
void *secret_memory_new(size_t size);
/* Takes NULL. `size` as it was asked for. */
void secret_memory_free(void *memory, size_t size);

#endif
