/*
 * rings.h: which rings of io_uring there are, and how far each has been followed.
 *
 * A ring is known by the place of its submission queue, which stays where it is when the program moves its struct. What
 * else is kept of it comes behind its struct ring, in the same memory (uring_table.h). It is used by one thread at a
 * time: ring_lock is a try of bounded length, never a wait. Any thread and signal handler; nothing here reads the
 * program's memory.
 */
#ifndef SOCKSAN_RINGS_H
#define SOCKSAN_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RINGS 256u

struct ring {
	const void *key; /* where the head of its submissions is; NULL: free */
	int busy;
	int fd; /* -1: none */
	uint32_t next; /* the first submission that was not looked at */
};

/* Whether one place in a queue, whose numbers wrap, comes after another. */
static inline bool ring_is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* The ring with this key, NULL where there is none; the one whose descriptor this is. */
struct ring *ring_find(const void *key);
struct ring *ring_of_descriptor(int fd);

/*
 * A free one, locked, in zeroed memory of `bytes` in all, the same for every ring; it may have served before. NULL
 * where there is no room, or no memory, which is counted as a loss.
 */
struct ring *ring_take(size_t bytes);

/* Tells the others of it, or that it is gone; it is locked. */
void ring_publish(struct ring *ring, const void *key);

bool ring_lock(struct ring *ring);
void ring_unlock(struct ring *ring);

/* Calls `visit` for each, those that are free included. In a forked child, where there is one thread. */
void ring_each(void (*visit)(struct ring *ring));

/*
 * Notes that this descriptor is a ring whose submissions are all seen, or is none; and asks whether it is, also before
 * a fork.
 */
void ring_set_known(int fd, bool is_known);
bool ring_is_known(int fd);

#endif
