/* rings.c: memory for rings that is mapped as it is needed and stays. */
#include "shim/socket/rings.h"

#include "shim/base/pages.h"
#include "shim/trace/trace_log.h"

#define TRIES 4000 /* about some ten microseconds, a stack being taken included */

static struct ring *rings[RINGS];
static uint32_t rings_used; /* those below it are there; none at or above it was ever taken */
static int known[RINGS]; /* descriptors, plus 1 */

static struct ring *ring_at(uint32_t i)
{
	return __atomic_load_n(&rings[i], __ATOMIC_ACQUIRE);
}

/* The same, made where it is not there yet; NULL where there is no memory. */
static struct ring *make(uint32_t i, size_t bytes)
{
	struct ring *ring = ring_at(i);
	struct ring *mine;

	if (ring)
		return ring;
	mine = pages_map(bytes);
	if (!mine)
		return NULL;
	if (__atomic_compare_exchange_n(&rings[i], &ring, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	pages_unmap(mine, bytes);
	return ring;
}

static bool try_lock(struct ring *ring)
{
	int none = 0;

	return __atomic_compare_exchange_n(&ring->busy, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool ring_lock(struct ring *ring)
{
	for (int i = 0; i < TRIES; i++) {
		if (try_lock(ring))
			return true;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

void ring_unlock(struct ring *ring)
{
	__atomic_store_n(&ring->busy, 0, __ATOMIC_RELEASE);
}

struct ring *ring_find(const void *key)
{
	uint32_t used = __atomic_load_n(&rings_used, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; key && i < used; i++)
		if (__atomic_load_n(&ring_at(i)->key, __ATOMIC_ACQUIRE) == key)
			return ring_at(i);
	return NULL;
}

struct ring *ring_of_descriptor(int fd)
{
	uint32_t used = __atomic_load_n(&rings_used, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < used; i++)
		if (__atomic_load_n(&ring_at(i)->key, __ATOMIC_ACQUIRE) && ring_at(i)->fd == fd)
			return ring_at(i);
	return NULL;
}

struct ring *ring_take(size_t bytes)
{
	for (uint32_t i = 0; i < RINGS; i++) {
		uint32_t used = __atomic_load_n(&rings_used, __ATOMIC_RELAXED);
		struct ring *ring = make(i, bytes);

		if (!ring) {
			trace_log_lost(TRACE_LOST_NO_MEMORY);
			return NULL;
		}
		if (__atomic_load_n(&ring->key, __ATOMIC_ACQUIRE) || !try_lock(ring))
			continue;
		if (ring->key) {
			ring_unlock(ring);
			continue;
		}
		while (used <= i && !__atomic_compare_exchange_n(
					    &rings_used, &used, i + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
		return ring;
	}
	return NULL;
}

void ring_publish(struct ring *ring, const void *key)
{
	__atomic_store_n(&ring->key, key, __ATOMIC_RELEASE);
}

void ring_each(void (*visit)(struct ring *ring))
{
	for (uint32_t i = 0; i < rings_used; i++)
		visit(rings[i]);
}

void ring_set_known(int fd, bool is_known)
{
	for (uint32_t i = 0; fd >= 0 && i < RINGS; i++) {
		int expected = is_known ? 0 : fd + 1;

		if (__atomic_compare_exchange_n(
			    &known[i], &expected, is_known ? fd + 1 : 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
			is_known)
			return;
	}
}

bool ring_is_known(int fd)
{
	for (uint32_t i = 0; i < RINGS; i++)
		if (__atomic_load_n(&known[i], __ATOMIC_RELAXED) == fd + 1)
			return true;
	return false;
}
