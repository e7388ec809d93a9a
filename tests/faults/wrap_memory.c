/* Allocations that fail. Defined in the program itself, these come before those of
 * libc and of the sanitizers, for libraries too, and then call them. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

/* Where code is loaded, and so who is asking. */
struct range {
	uintptr_t from, to;
	enum fault_kind kind;
	const char *const *except; /* ended by NULL */
};

#define RANGES_MAX 128

static struct range ranges[RANGES_MAX];
static size_t n_ranges;

static const char *const except_none[] = { NULL };

/* What cannot be mended from here: libfcgi and hiredis 0.14 end the process when they
 * get no memory; the parser of json-c 0.16 does not see when a member is not added. */
static const struct {
	const char *library;
	enum fault_kind kind;
	const char *except[3];
} libraries[] = {
	{ "libfcgi", FAULT_NONE, { NULL } },
	{ "libjson-c", FAULT_LIBRARY_MEMORY, { "strdup", "calloc" } },
	{ "libhiredis", FAULT_NONE, { NULL } },
	{ "san.so", FAULT_NONE, { NULL } },
	{ "", FAULT_LIBRARY_MEMORY, { NULL } },
};

/* The sanitizers allocate before they are ready to check what we do. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

static struct range range_of(const char *path)
{
	size_t i = 0;

	if (path[0] == '\0')
		return (struct range){ .kind = FAULT_MEMORY, .except = except_none };
	while (strstr(path, libraries[i].library) == NULL)
		i++;
	return (struct range){ .kind = libraries[i].kind, .except = libraries[i].except };
}

static int range_add(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		struct range range = range_of(info->dlpi_name);

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || n_ranges == RANGES_MAX)
			continue;
		range.from = info->dlpi_addr + segment->p_vaddr;
		range.to = range.from + segment->p_memsz;
		ranges[n_ranges++] = range;
	}
	return 0;
}

__attribute__((constructor)) static void ranges_find(void)
{
	dl_iterate_phdr(range_add, NULL);
}

EARLY static bool refused_in(const struct range *range, const char *name)
{
	for (const char *const *except = range->except; *except != NULL; except++) {
		if (strcmp(*except, name) == 0)
			return false;
	}
	if (!fault_now(range->kind, name))
		return false;
	errno = ENOMEM;
	return true;
}

EARLY static bool refused(const void *caller, const char *name)
{
	if (n_ranges == 0 || (fault_armed() != FAULT_MEMORY && fault_armed() != FAULT_LIBRARY_MEMORY))
		return false;
	for (size_t i = 0; i < n_ranges; i++) {
		if ((uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to)
			return refused_in(&ranges[i], name);
	}
	return false;
}

#define INTERPOSE(name, type, params, args) \
	EARLY type name params \
	{ \
		static type (*real) params; \
		if (real == NULL) \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		return refused(__builtin_return_address(0), #name) ? NULL : real args; \
	}

INTERPOSE(malloc, void *, (size_t size), (size))
INTERPOSE(calloc, void *, (size_t n, size_t size), (n, size))
INTERPOSE(realloc, void *, (void *old, size_t size), (old, size))
INTERPOSE(reallocarray, void *, (void *old, size_t n, size_t size), (old, n, size))
INTERPOSE(strdup, char *, (const char *text), (text))
INTERPOSE(strndup, char *, (const char *text, size_t length), (text, length))
