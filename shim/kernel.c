/* kernel.c: the definition; kernel.h tells what it is for. */
#include "shim/kernel.h"

#include <string.h>

int kernel_forbidden;
uint64_t kernel_stopped_ns;

#define SMALLEST_PAGE 4096u

/* Remembered by what it is, plus one: 0 is a place that is free. */
static bool can_read(struct kernel_tried *tried, uintptr_t page)
{
	uintptr_t *known = &tried->pages[page / SMALLEST_PAGE % (sizeof(tried->pages) / sizeof(tried->pages[0]))];

	if (*known == page + 1)
		return true;
	if (!page || kernel_try_read(page) != -EINVAL)
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
