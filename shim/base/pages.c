/* pages.c: mappings, and a list of them in tables that are mappings themselves and stay. */
#include "shim/base/pages.h"

#include <errno.h>
#include <sys/mman.h>

#include "shim/base/kernel.h"
#include "shim/base/older_headers.h"

#define PAGE_BYTES 4096u /* the smallest there is */
#define RANGES 255u /* in a page, with the way to the next table */

struct range {
	uintptr_t at; /* 0: free; then `bytes` is 0, too, but for a moment */
	size_t bytes;
};

struct table {
	struct table *next;
	struct range ranges[RANGES];
};

static struct table first_table;

static void remember(void *at, size_t bytes);

/* Keeps it out of what the program locks, and out of its core dumps. */
static void hide(void *at, size_t bytes)
{
	kernel_call2(SYS_munlock, at, bytes);
	kernel_call3(SYS_madvise, at, bytes, MADV_DONTDUMP);
}

static long map_anonymous(size_t bytes)
{
	return kernel_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * A page that nobody touches, unlocked. Where new memory is locked at once (MCL_FUTURE) and that would be beyond
 * RLIMIT_MEMLOCK, it is moved and leaves its like behind (MREMAP_DONTUNMAP): what is moved, and what grows, stays as it
 * is, unlocked, and the limit does not count (mm/mremap.c).
 */
static void *seed;

static void make_seed(void)
{
	long page = map_anonymous(PAGE_BYTES);
	void *none = NULL;

	if (page < 0)
		return;
	hide((void *)page, PAGE_BYTES);
	if (__atomic_compare_exchange_n(&seed, &none, (void *)page, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		remember((void *)page, PAGE_BYTES);
	else
		kernel_call2(SYS_munmap, page, PAGE_BYTES);
}

static long grow_from_seed(size_t bytes)
{
	long page = kernel_call4(SYS_mremap, seed, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	long result;

	if (page < 0)
		return page;
	result = kernel_call4(SYS_mremap, page, PAGE_BYTES, bytes, MREMAP_MAYMOVE);
	if (result < 0)
		kernel_call2(SYS_munmap, page, PAGE_BYTES);
	return result;
}

static void *map(size_t bytes)
{
	long result = map_anonymous(bytes);

	if (result == -EAGAIN && seed)
		result = grow_from_seed(bytes);
	if (result < 0)
		return NULL;
	hide((void *)result, bytes);
	return (void *)result;
}

static bool enter(struct table *table, uintptr_t at, size_t bytes)
{
	for (uint32_t i = 0; i < RANGES; i++) {
		uintptr_t nobody = 0;

		if (!__atomic_load_n(&table->ranges[i].at, __ATOMIC_RELAXED) &&
			__atomic_compare_exchange_n(
				&table->ranges[i].at, &nobody, at, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			__atomic_store_n(&table->ranges[i].bytes, bytes, __ATOMIC_RELEASE);
			return true;
		}
	}
	return false;
}

/* The table after this one, which is made where there is none. NULL where there is no memory. */
static struct table *table_after(struct table *table)
{
	struct table *next = __atomic_load_n(&table->next, __ATOMIC_ACQUIRE);
	struct table *mine;

	if (next)
		return next;
	mine = map(sizeof(*mine));
	if (!mine)
		return NULL;
	if (!__atomic_compare_exchange_n(&table->next, &next, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		kernel_call2(SYS_munmap, mine, sizeof(*mine));
		return next;
	}
	enter(mine, (uintptr_t)mine, sizeof(*mine));
	return mine;
}

/* What no table has room for is forgotten: it then counts as the program's. */
static void remember(void *at, size_t bytes)
{
	for (struct table *table = &first_table; table; table = table_after(table))
		if (enter(table, (uintptr_t)at, bytes))
			return;
}

static void forget(void *at)
{
	for (struct table *table = &first_table; table; table = __atomic_load_n(&table->next, __ATOMIC_ACQUIRE))
		for (uint32_t i = 0; i < RANGES; i++)
			if (__atomic_load_n(&table->ranges[i].at, __ATOMIC_RELAXED) == (uintptr_t)at) {
				__atomic_store_n(&table->ranges[i].bytes, 0, __ATOMIC_RELEASE);
				__atomic_store_n(&table->ranges[i].at, 0, __ATOMIC_RELEASE);
				return;
			}
}

void *pages_map(size_t bytes)
{
	void *at;

	if (!__atomic_load_n(&seed, __ATOMIC_ACQUIRE))
		make_seed();
	at = map(bytes);
	if (at)
		remember(at, bytes);
	return at;
}

void pages_adopt(void *at, size_t bytes)
{
	hide(at, bytes);
	remember(at, bytes);
}

void *pages_install(void **place, size_t bytes)
{
	void *mine = pages_map(bytes);
	void *none = NULL;

	if (!mine || __atomic_compare_exchange_n(place, &none, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	pages_unmap(mine, bytes);
	return none;
}

void pages_unmap(void *at, size_t bytes)
{
	forget(at);
	kernel_call2(SYS_munmap, at, bytes);
}

bool pages_replace(void *at, size_t bytes)
{
	long result = kernel_call6(SYS_mmap, (long)at, (long)bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (result < 0)
		return false;
	hide(at, bytes);
	return true;
}

void pages_each(void (*visit)(uintptr_t at, size_t bytes, void *data), void *data)
{
	for (struct table *table = &first_table; table; table = __atomic_load_n(&table->next, __ATOMIC_ACQUIRE))
		for (uint32_t i = 0; i < RANGES; i++) {
			uintptr_t at = __atomic_load_n(&table->ranges[i].at, __ATOMIC_ACQUIRE);
			size_t bytes = __atomic_load_n(&table->ranges[i].bytes, __ATOMIC_ACQUIRE);

			if (at && bytes)
				visit(at, bytes, data);
		}
}
