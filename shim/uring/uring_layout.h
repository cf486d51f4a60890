/*
 * uring_layout.h: a ring of liburing as it lies in the program's memory.
 *
 * A program handles its ring by code that liburing's header puts inline into it, so the layout is part of liburing's
 * binary interface: it has been this one throughout liburing 2 (src/include/liburing.h, struct io_uring; what is not
 * looked at here is left out at its end). liburing itself is neither linked nor included: it may be absent, and is
 * nobody's need but the program's.
 */
#ifndef SOCKSAN_URING_LAYOUT_H
#define SOCKSAN_URING_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "shim/socket/uring_kernel.h"

/* Pointers lead into memory shared with the kernel; sqe_head and sqe_tail are liburing's own. */
struct uring_submissions {
	unsigned *head;
	unsigned *tail;
	unsigned *mask;
	unsigned *entries;
	unsigned *flags;
	unsigned *dropped;
	unsigned *array;
	struct io_uring_sqe *sqes;
	unsigned sqe_head; /* entries before it have been shown to the kernel */
	unsigned sqe_tail; /* one past the last that the program has taken to fill in */
	size_t ring_bytes;
	void *ring;
	unsigned reserved[4];
};

struct uring_completions {
	unsigned *head; /* entries before it the program has done with */
	unsigned *tail;
	unsigned *mask;
	unsigned *entries;
	unsigned *flags;
	unsigned *overflow;
	struct io_uring_cqe *cqes;
	size_t ring_bytes;
	void *ring;
	unsigned reserved[4];
};

struct uring {
	struct uring_submissions sq;
	struct uring_completions cq;
	unsigned flags; /* IORING_SETUP_ */
	int fd;
};

#if __SIZEOF_POINTER__ == 8
_Static_assert(offsetof(struct uring, cq) == 104, "liburing's layout");
_Static_assert(offsetof(struct uring, flags) == 192, "liburing's layout");
#endif

/*
 * Setup flags up to IORING_SETUP_HYBRID_IOPOLL (Linux 6.13). Later ones change how the queues are to be read: entries
 * of mixed size, a submission queue that is rewound (include/uapi/linux/io_uring.h).
 */
#define URING_KNOWN_SETUP ((1u << 18) - 1)

/* By number too: of the setup, */
#define URING_SETUP_NO_MMAP (1u << 14)
#define URING_SETUP_REGISTERED_FD_ONLY (1u << 15)
#define URING_SETUP_NO_SQARRAY (1u << 16)
/* of io_uring_enter, */
#define URING_ENTER_REGISTERED_RING (1u << 4)
/* and of io_uring_register. */
#define URING_REGISTER_RESIZE_RINGS 33

/* By number where the header may be older; none of them has ever changed. */
enum uring_operation {
	URING_OP_SENDMSG_ZC = 48,
	URING_OP_READ_MULTISHOT = 49,
	URING_OP_FIXED_FD_INSTALL = 54,
	URING_OP_BIND = 56,
	URING_OP_LISTEN = 57,
	URING_OP_RECV_ZC = 58,
	URING_OP_EPOLL_WAIT = 59,
	URING_OP_READV_FIXED = 60,
	URING_OP_WRITEV_FIXED = 61,
	URING_OPS_KNOWN = 65, /* up to IORING_OP_URING_CMD128 (Linux 6.19) */
};

enum uring_flags {
	URING_RECV_MULTISHOT = 1 << 1, /* in ioprio of a receive */
	URING_SEND_VECTORIZED = 1 << 5, /* in ioprio of a send: what it is given is a vector (Linux 6.17) */
	URING_WRITE_NO_SIGNAL = 1 << 8, /* RWF_NOSIGNAL, in rw_flags (Linux 6.18) */
	URING_CQE_MORE = 1 << 1,
	URING_CQE_NOTIFICATION = 1 << 3,
};

/* A word that the kernel or another thread may be changing. */
static inline uint32_t uring_load(const unsigned *shared)
{
	return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

#endif
