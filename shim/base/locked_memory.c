/*
 * locked_memory.c: the pieces of /proc/self/maps that are not ours.
 *
 * What we cannot tell from the program's: what libc's malloc took for the loader's notes on our libraries, what the
 * unwinder maps by itself, and rings of io_uring that are mapped once more. DESIGN.md has the figures.
 */
#include "shim/base/locked_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/base/kernel.h"
#include "shim/base/older_headers.h"
#include "shim/base/pages.h"

#define PAGE_MASK 4095u
#define PATIENCE 100 /* interruptions of one call */

/* ---- /proc/self/maps ---- */

struct maps {
	long fd;
	long filled;
	long at;
	char text[256];
};

/* The next character, 0 at the end. */
static char next_character(struct maps *maps)
{
	if (maps->at == maps->filled) {
		maps->at = 0;
		maps->filled = -EINTR;
		for (int i = 0; i < PATIENCE && maps->filled == -EINTR; i++)
			maps->filled = kernel_call3(SYS_read, maps->fd, maps->text, sizeof(maps->text));
		if (maps->filled <= 0) {
			maps->filled = 0;
			return 0;
		}
	}
	return maps->text[maps->at++];
}

/* Reads a number up to `stop`. */
static bool read_address(struct maps *maps, char stop, uintptr_t *address)
{
	char c;

	*address = 0;
	while ((c = next_character(maps)) != stop) {
		if (c >= '0' && c <= '9')
			*address = *address << 4 | (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*address = *address << 4 | (uintptr_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* One line: "7f65d741e000-7f65d7444000 r--p ...". */
static bool read_range(struct maps *maps, uintptr_t *from, uintptr_t *to)
{
	char c;

	if (!read_address(maps, '-', from) || !read_address(maps, ' ', to))
		return false;
	do
		c = next_character(maps);
	while (c && c != '\n');
	return true;
}

/* ---- what is not ours ---- */

struct gap {
	uintptr_t at;
	uintptr_t ours_from; /* the lowest of ours that ends behind `at` */
	uintptr_t ours_to;
};

static void find_ours(uintptr_t at, size_t bytes, void *data)
{
	struct gap *gap = data;
	uintptr_t end = (at + bytes + PAGE_MASK) & ~(uintptr_t)PAGE_MASK;

	if (end > gap->at && at < gap->ours_from) {
		gap->ours_from = at;
		gap->ours_to = end;
	}
}

/*
 * Calls `visit`, where it is not NULL, for each piece of this mapping that is not ours. Returns how many bytes they
 * are.
 */
static uint64_t each_piece(
	uintptr_t from, uintptr_t to, void (*visit)(uintptr_t at, size_t bytes, int flags), int flags)
{
	uint64_t sum = 0;

	while (from < to) {
		struct gap gap = {from, UINTPTR_MAX, UINTPTR_MAX};
		uintptr_t end;

		pages_each(find_ours, &gap);
		end = gap.ours_from < to ? gap.ours_from : to;
		if (end > from) {
			sum += end - from;
			if (visit)
				visit(from, end - from, flags);
		}
		from = end < to ? gap.ours_to : to;
	}
	return sum;
}

/*
 * The same for all mappings; UINT64_MAX where they cannot be read. What the kernel maps for all (vsyscall) lies above
 * them.
 */
static uint64_t each_of_theirs(void (*visit)(uintptr_t at, size_t bytes, int flags), int flags)
{
	struct maps maps = {.fd = kernel_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0)};
	uint64_t sum = 0;
	uintptr_t from;
	uintptr_t to;

	if (maps.fd < 0)
		return UINT64_MAX;
	while (read_range(&maps, &from, &to))
		if (from <= INTPTR_MAX)
			sum += each_piece(from, to, visit, flags);
	kernel_call1(SYS_close, maps.fd);
	return sum;
}

/* mlockall passes over what cannot be locked or made present: so does this. */
static void lock(uintptr_t at, size_t bytes, int flags)
{
	if (flags & MCL_ONFAULT)
		kernel_call3(SYS_mlock2, at, bytes, MLOCK_ONFAULT);
	else
		kernel_call2(SYS_mlock, at, bytes);
}

static bool lock_theirs(int (*lock_all)(int flags), int flags, uint64_t limit)
{
	if (each_of_theirs(NULL, 0) > limit)
		return false;
	if (!(flags & MCL_FUTURE))
		kernel_call0(SYS_munlockall); /* a MCL_FUTURE of before is over */
	else if (lock_all(flags & ~MCL_CURRENT) != 0)
		return false;
	return each_of_theirs(lock, flags) != UINT64_MAX;
}

/* ---- all of it ---- */

static void unlock(uintptr_t at, size_t bytes, void *data)
{
	(void)data;
	kernel_call2(SYS_munlock, at, bytes);
}

int locked_memory_lock_all(int (*lock_all)(int flags), int flags)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	int before = errno;
	int result = lock_all(flags);

	kernel_call4(SYS_prlimit64, 0, RLIMIT_MEMLOCK, NULL, &limit);
	if (limit.rlim_cur == RLIM_INFINITY)
		return result;
	if (result == 0) {
		pages_each(unlock, NULL);
	} else if (errno == ENOMEM && flags & MCL_CURRENT && lock_theirs(lock_all, flags, limit.rlim_cur)) {
		errno = before;
		result = 0;
	}
	return result;
}
