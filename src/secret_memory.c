#include "secret_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

#define REGION_SIZE 65536 /* of whole pages, whatever their size */
#define ALIGNMENT 16

/* Secrets are many and short, and a page for each would soon be more than may be locked.
 * OpenSSL's secure heap would do this too, but its size is set before the sites are known,
 * and it is locked as a whole or not at all. What a region gave is not given again: it goes
 * when its last piece does. */
struct region {
	struct region *next;
	char *memory;
	size_t used;
	size_t pieces; /* not yet given back */
};

static struct region *regions;

static void complain(const char *what)
{
	static bool complained;

	if (!complained)
		log_event(LOG_LEVEL_WARNING, "memory of secrets is not all protected", "call", what,
		    "error", strerror(errno), NULL);
	complained = true;
}

static void protect(void *memory)
{
	if (madvise(memory, REGION_SIZE, MADV_DONTDUMP) != 0)
		complain("MADV_DONTDUMP");
	if (madvise(memory, REGION_SIZE, MADV_WIPEONFORK) != 0)
		complain("MADV_WIPEONFORK");
	if (mlock(memory, REGION_SIZE) != 0)
		complain("mlock");
}

/* With a page before and behind that nobody may touch. */
static char *map(size_t page)
{
	char *all = mmap(NULL, REGION_SIZE + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	if (mprotect(all + page, REGION_SIZE, PROT_READ | PROT_WRITE) != 0) {
		munmap(all, REGION_SIZE + 2 * page);
		return NULL;
	}
	protect(all + page);
	return all + page;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct region *region_new(void)
{
	struct region *region = calloc(1, sizeof(*region));

	if (region == NULL)
		return NULL;
	region->memory = map(page_size());
	if (region->memory == NULL) {
		free(region);
		return NULL;
	}
	region->next = regions;
	regions = region;
	return region;
}

static void region_free(struct region **place)
{
	struct region *region = *place;

	*place = region->next;
	munmap(region->memory - page_size(), REGION_SIZE + 2 * page_size());
	free(region);
}

static size_t rounded(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *secret_memory_new(size_t size)
{
	struct region *region = regions;
	char *memory;

	if (size == 0 || size > SECRET_MEMORY_MAX)
		return NULL;
	if (region == NULL || REGION_SIZE - region->used < rounded(size))
		region = region_new();
	if (region == NULL)
		return NULL;
	memory = region->memory + region->used;
	region->used += rounded(size);
	region->pieces++;
	return memory;
}

static bool holds(const struct region *region, const void *memory)
{
	uintptr_t at = (uintptr_t)memory, begin = (uintptr_t)region->memory;

	return at >= begin && at < begin + REGION_SIZE;
}

void secret_memory_free(void *memory, size_t size)
{
	struct region **place = &regions;

	if (memory == NULL)
		return;
	explicit_bzero(memory, size);
	while (!holds(*place, memory))
		place = &(*place)->next;
	if (--(*place)->pieces == 0)
		region_free(place);
}
