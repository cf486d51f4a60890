/*
 * uring_support.h: what the test programs of io_uring share. Where the kernel has none, or forbids it, a program ends
 * with 77.
 */
#ifndef SOCKSAN_TEST_URING_SUPPORT_H
#define SOCKSAN_TEST_URING_SUPPORT_H

#include "tests/programs/support.h"
#include <liburing.h>

enum { URING_ENTRIES = 8, URING_SKIP = 77 };

/* Ends the program as one that cannot be run here. `error` is a negative errno of io_uring's. */
static inline void uring_skip(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	_exit(URING_SKIP);
}

static inline void uring_open(struct io_uring *ring, unsigned flags)
{
	int error = io_uring_queue_init(URING_ENTRIES, ring, flags);

	if (error == -ENOSYS || error == -EPERM)
		uring_skip("io_uring is not allowed here", error);
	CHECK(error == 0);
}

static inline struct io_uring_sqe *uring_entry(struct io_uring *ring, uint64_t user_data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	CHECK(sqe);
	memset(sqe, 0, sizeof *sqe);
	sqe->user_data = user_data;
	return sqe;
}

/* Takes the next completion, which must have these user_data. Returns its result. */
static inline int uring_result(struct io_uring *ring, uint64_t user_data)
{
	struct io_uring_cqe *cqe;
	int result;

	CHECK(io_uring_wait_cqe(ring, &cqe) == 0);
	CHECK(cqe->user_data == user_data);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

#endif
