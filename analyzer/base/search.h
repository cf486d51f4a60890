/*
 * search.h: where a number stands in a sorted array.
 */
#ifndef SOCKSAN_SEARCH_H
#define SOCKSAN_SEARCH_H

#include <stddef.h>
#include <stdint.h>

/* How many of the array's elements, sorted by a uint64_t `key_at` bytes into each, have at most `key` there. */
static inline size_t search_count_to(const void *array, size_t count, size_t element_bytes, size_t key_at, uint64_t key)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (*(const uint64_t *)((const char *)array + middle * element_bytes + key_at) <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
