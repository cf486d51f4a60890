/*
 * audit_uring.h: the way of a call on a ring of io_uring.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_URING_H
#define SOCKSAN_AUDIT_URING_H

#include <stdbool.h>
#include <stdint.h>

struct uring;

struct audit_uring {
	int error; /* errno before */
	bool submits;
	uint32_t first; /* the first submission that was looked at */
};

/*
 * Around a call of liburing on this ring; `submits`: it shows the kernel what the program has filled in. `handed`: so
 * many completions, from the head of the queue on, it gives the program to look at. What the kernel answers is only
 * looked at.
 */
void audit_uring_begin(struct audit_uring *call, const struct uring *ring, bool submits);
void audit_uring_end(struct audit_uring *call, const struct uring *ring, unsigned handed);

/* After a ring was made; before it is given up. */
void audit_uring_made(const struct uring *ring);
void audit_uring_ends(const struct uring *ring);

#endif
