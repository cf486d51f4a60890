/*
 * uring_kernel.h: what the kernel and a program have agreed on about an io_uring, as far as we look at it.
 *
 * The same as <linux/io_uring.h> (include/uapi/linux/io_uring.h), with the kernel's names and numbers, none of which
 * has ever changed. That header is not included: systems to build on have none (before Linux 5.1) or an older one, and
 * the library shall know the same calls wherever it was built.
 */
#ifndef SOCKSAN_URING_KERNEL_H
#define SOCKSAN_URING_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum io_uring_op {
	IORING_OP_NOP = 0,
	IORING_OP_READV = 1,
	IORING_OP_WRITEV = 2,
	IORING_OP_READ_FIXED = 4,
	IORING_OP_WRITE_FIXED = 5,
	IORING_OP_POLL_ADD = 6,
	IORING_OP_SENDMSG = 9,
	IORING_OP_RECVMSG = 10,
	IORING_OP_ACCEPT = 13,
	IORING_OP_CONNECT = 16,
	IORING_OP_OPENAT = 18,
	IORING_OP_CLOSE = 19,
	IORING_OP_READ = 22,
	IORING_OP_WRITE = 23,
	IORING_OP_SEND = 26,
	IORING_OP_RECV = 27,
	IORING_OP_OPENAT2 = 28,
	IORING_OP_EPOLL_CTL = 29,
	IORING_OP_SPLICE = 30,
	IORING_OP_TEE = 33,
	IORING_OP_SHUTDOWN = 34,
	IORING_OP_MSG_RING = 40,
	IORING_OP_SOCKET = 45,
	IORING_OP_SEND_ZC = 47,
	IORING_OP_EPOLL_WAIT = 59,
};

/* Of io_uring_sqe.flags. */
#define IOSQE_FIXED_FILE (1u << 0)
#define IOSQE_IO_DRAIN (1u << 1)
#define IOSQE_IO_LINK (1u << 2)
#define IOSQE_IO_HARDLINK (1u << 3)
#define IOSQE_ASYNC (1u << 4)
#define IOSQE_BUFFER_SELECT (1u << 5)
#define IOSQE_CQE_SKIP_SUCCESS (1u << 6)

/* Of io_uring_setup. */
#define IORING_SETUP_SQPOLL (1u << 1)
#define IORING_SETUP_SQE128 (1u << 10)
#define IORING_SETUP_CQE32 (1u << 11)

/* Of io_uring_enter. */
#define IORING_ENTER_GETEVENTS (1u << 0)
#define IORING_ENTER_SQ_WAKEUP (1u << 1)
#define IORING_ENTER_EXT_ARG (1u << 3)

/* A submission. With IORING_SETUP_SQE128 another 64 bytes follow. */
struct io_uring_sqe {
	uint8_t opcode;
	uint8_t flags; /* IOSQE_ */
	uint16_t ioprio;
	int32_t fd;
	union {
		uint64_t off;
		uint64_t addr2;
	};
	union {
		uint64_t addr;
		uint64_t splice_off_in;
	};
	uint32_t len;
	union {
		uint32_t rw_flags;
		uint32_t msg_flags;
		uint32_t accept_flags;
		uint32_t open_flags;
		uint32_t splice_flags;
		uint32_t poll32_events;
	};
	uint64_t user_data;
	uint16_t buf_index;
	uint16_t personality;
	union {
		int32_t splice_fd_in;
		uint32_t file_index;
	};
	uint64_t addr3;
	uint64_t reserved;
};

/* A completion. With IORING_SETUP_CQE32 another 16 bytes follow. */
struct io_uring_cqe {
	uint64_t user_data;
	int32_t res; /* what the call returned, or minus errno */
	uint32_t flags;
};

/* Where the shared memory of a ring is mapped from, and what the kernel says about it. */
#define IORING_OFF_SQ_RING 0ull
#define IORING_OFF_CQ_RING 0x8000000ull
#define IORING_OFF_SQES 0x10000000ull
#define IORING_FEAT_SINGLE_MMAP (1u << 0)

struct io_sqring_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t flags;
	uint32_t dropped;
	uint32_t array;
	uint32_t reserved;
	uint64_t user_addr;
};

struct io_cqring_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t overflow;
	uint32_t cqes;
	uint32_t flags;
	uint32_t reserved;
	uint64_t user_addr;
};

/* Of io_uring_setup. */
struct io_uring_params {
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t flags; /* IORING_SETUP_ */
	uint32_t sq_thread_cpu;
	uint32_t sq_thread_idle;
	uint32_t features; /* IORING_FEAT_ */
	uint32_t wq_fd;
	uint32_t reserved[3];
	struct io_sqring_offsets sq_off;
	struct io_cqring_offsets cq_off;
};

_Static_assert(sizeof(struct io_uring_params) == 120, "the kernel's layout");
_Static_assert(sizeof(struct io_uring_sqe) == 64, "the kernel's layout");
_Static_assert(offsetof(struct io_uring_sqe, user_data) == 32, "the kernel's layout");
_Static_assert(offsetof(struct io_uring_sqe, addr3) == 48, "the kernel's layout");
_Static_assert(sizeof(struct io_uring_cqe) == 16, "the kernel's layout");

#endif
