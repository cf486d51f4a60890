/*
 * hash_table.c: see hash_table.h.
 */
#include "analyzer/base/hash_table.h"

#include <stdint.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

unsigned hash_table_of(const void *key, size_t length)
{
	static uint64_t secret;
	struct timespec now;

	/* Where the kernel gives no random numbers without waiting, the clock is better than nothing. */
	if (!secret && getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != sizeof(secret)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		secret = (uint64_t)now.tv_nsec << 1 | 1;
	}
	return (unsigned)XXH3_64bits_withSeed(key, length, secret);
}
