/*
 * audit_uring_raw.h: rings that a program makes and enters by itself.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_URING_RAW_H
#define SOCKSAN_AUDIT_URING_RAW_H

#include <stdint.h>

#include "shim/uring/audit_uring.h"

struct io_uring_params;
struct raw_ring;

/*
 * After an io_uring_setup, whose `params` the kernel has filled in; before a close of any descriptor that is known to
 * be no socket, or where the ring is to be forgotten; in a forked child.
 */
void audit_uring_raw_made(int fd, const struct io_uring_params *params);
void audit_uring_raw_closed(int fd);
void audit_uring_raw_forked(void);

struct audit_uring_raw {
	struct raw_ring *ring; /* NULL: none that is followed */
	uint32_t generation;
	struct audit_uring around;
};

/*
 * Around an io_uring_enter with these arguments. `waited`: so many completions the call has waited for. Both keep
 * errno.
 */
void audit_uring_raw_begin(struct audit_uring_raw *call, int fd, unsigned to_submit, unsigned flags);
void audit_uring_raw_end(struct audit_uring_raw *call, unsigned waited);

#endif
