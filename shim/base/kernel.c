/* kernel.c: the definition; kernel.h tells what it is for. */
#include "shim/base/kernel.h"

#include <string.h>
#include <sys/uio.h>

int kernel_forbidden;
uint64_t kernel_stopped_ns;

#define SMALLEST_PAGE 4096u

/* Remembered by what it is, plus one: 0 is a place that is free. */
static bool can_read(struct kernel_tried *tried, uintptr_t page)
{
	uintptr_t *known = &tried->pages[page / SMALLEST_PAGE % (sizeof(tried->pages) / sizeof(tried->pages[0]))];

	if (*known == page + 1)
		return true;
	if (!page || kernel_try_read(page))
		return false;
	*known = page + 1;
	return true;
}

bool kernel_try_copy(struct kernel_tried *tried, void *to, uintptr_t from, size_t size)
{
	uintptr_t end = from + size;

	if (end < from)
		return false;
	for (uintptr_t page = from - from % SMALLEST_PAGE; page < end; page += SMALLEST_PAGE)
		if (!can_read(tried, page))
			return false;
	memcpy(to, (const void *)from, size);
	return true;
}

bool kernel_copy(void *to, const void *from, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)(uintptr_t)from, size};

	return kernel_call6(SYS_process_vm_readv, kernel_call0(SYS_getpid), (long)&local, 1, (long)&remote, 1, 0) ==
	       (long)size;
}

long kernel_try_read(uintptr_t address)
{
	uint64_t there;
	long answer;

	if (kernel_copy(&there, (const void *)address, sizeof(there)))
		return 0;
	/*
	 * Where there is no process_vm_readv (qemu-user, some sandboxes): rt_sigprocmask copies its set before it looks at
	 * `how`, so with an invalid one it changes nothing and answers EFAULT or EINVAL (kernel/signal.c). It is the second
	 * choice because Valgrind holds what it reads to be used, and says that it is uninitialised. Without a set, for 0, it
	 * copies nothing.
	 */
	answer = kernel_call4(SYS_rt_sigprocmask, -1, address, NULL, sizeof(there));
	return answer == -EINVAL ? 0 : answer;
}

size_t kernel_copy_text(char *to, const char *from, size_t size)
{
	const uintptr_t page = 4096;
	size_t length = 0;

	while (length < size) {
		uintptr_t at = (uintptr_t)from + length;
		size_t part = page - at % page; /* a part that lies in one page can be read or not as a whole */
		size_t used;

		if (part > size - length)
			part = size - length;
		if (!kernel_copy(to + length, (const void *)at, part))
			break;
		used = strnlen(to + length, part);
		length += used;
		if (used < part) {
			memset(to + length, 0, part - used); /* what lies behind it is the program's */
			break;
		}
	}
	return length;
}
