/*
 * audit_uring_raw.c: rings that a program makes and enters by itself, by syscall() or by liburing's two calls of that
 * name, as libuv does with the ring of its changes to epoll.
 *
 * Where such a program has mapped its queues we do not know, so we map them once more, to read only. A mapping keeps a
 * ring alive, and with it the requests under way and the sockets they hold; so ours goes before the ring's descriptor
 * is closed, and is not inherited by a child. What is in the queues then goes the way of every ring (audit_uring.c):
 * this gives it the struct that liburing would have.
 */
#include "shim/uring/audit_uring_raw.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_uring_look.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/socket_table.h"
#include "shim/trace/trace_log.h"
#include "shim/uring/audit_uring.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"

#define RAW_RINGS 64u
#define TRIES 4000

/*
 * Of a ring that cannot be followed: submissions go without a call, or the queues lie where no mapping of ours can be.
 */
#define BLIND_SETUP (IORING_SETUP_SQPOLL | URING_SETUP_NO_MMAP | URING_SETUP_REGISTERED_FD_ONLY | ~URING_KNOWN_SETUP)

struct mapping {
	char *at;
	size_t bytes;
};

struct raw_ring {
	int used; /* fd + 1; 0: free */
	int busy; /* a try-lock: whoever holds it may read the mappings */
	uint32_t generation; /* grows with each ring in this place */
	struct mapping queues;
	struct mapping entries;
	struct uring view;
};

static struct raw_ring rings[RAW_RINGS];
static int rings_used; /* how many; so that a close of anything else costs a look at one word */

static bool lock(struct raw_ring *ring)
{
	for (int i = 0; i < TRIES; i++) {
		int none = 0;

		if (__atomic_compare_exchange_n(&ring->busy, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

static void unlock(struct raw_ring *ring)
{
	__atomic_store_n(&ring->busy, 0, __ATOMIC_RELEASE);
}

/*
 * The ring of this descriptor, locked; 0 as `fd` + 1: a place for a new one. NULL where there is none, or it is not to
 * be had.
 */
static struct raw_ring *take(int used)
{
	for (uint32_t i = 0; i < RAW_RINGS; i++) {
		if (__atomic_load_n(&rings[i].used, __ATOMIC_ACQUIRE) != used || !lock(&rings[i]))
			continue;
		if (rings[i].used == used)
			return &rings[i];
		unlock(&rings[i]);
	}
	return NULL;
}

static struct raw_ring *take_ring(int fd)
{
	return fd >= 0 && fd < INT_MAX ? take(fd + 1) : NULL;
}

/* ---- mappings ---- */

static bool map(struct mapping *mapping, int fd, size_t bytes, uint64_t offset)
{
	long at = kernel_call6(SYS_mmap, 0, (long)bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, (long)offset);

	if (at < 0 && at > -4096)
		return false;
	*mapping = (struct mapping){(char *)at, bytes};
	kernel_call3(SYS_madvise, at, bytes, MADV_DONTFORK);
	return true;
}

static void unmap(struct mapping *mapping)
{
	if (mapping->at)
		kernel_call2(SYS_munmap, mapping->at, mapping->bytes);
	*mapping = (struct mapping){NULL, 0};
}

static unsigned *word(const struct raw_ring *ring, uint32_t offset)
{
	return (unsigned *)(void *)(ring->queues.at + offset);
}

static void make_view(struct raw_ring *ring, int fd, const struct io_uring_params *params)
{
	bool has_array = !(params->flags & URING_SETUP_NO_SQARRAY);

	ring->view = (struct uring){
		.sq = {.head = word(ring, params->sq_off.head),
			.tail = word(ring, params->sq_off.tail),
			.mask = word(ring, params->sq_off.ring_mask),
			.entries = word(ring, params->sq_off.ring_entries),
			.flags = word(ring, params->sq_off.flags),
			.array = has_array ? word(ring, params->sq_off.array) : NULL,
			.sqes = (struct io_uring_sqe *)(void *)ring->entries.at},
		.cq = {.head = word(ring, params->cq_off.head),
			.tail = word(ring, params->cq_off.tail),
			.mask = word(ring, params->cq_off.ring_mask),
			.entries = word(ring, params->cq_off.ring_entries),
			.cqes = (struct io_uring_cqe *)(void *)(ring->queues.at + params->cq_off.cqes)},
		.flags = params->flags,
		.fd = fd,
	};
}

static bool map_ring(struct raw_ring *ring, int fd, const struct io_uring_params *params)
{
	size_t submissions = params->flags & URING_SETUP_NO_SQARRAY
				     ? 0
				     : params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t completions = params->cq_off.cqes + ((size_t)params->cq_entries * sizeof(struct io_uring_cqe)
							   << (params->flags & IORING_SETUP_CQE32 ? 1 : 0));
	size_t entries = (size_t)params->sq_entries * sizeof(struct io_uring_sqe)
			 << (params->flags & IORING_SETUP_SQE128 ? 1 : 0);

	if (!(params->features & IORING_FEAT_SINGLE_MMAP) || params->flags & BLIND_SETUP)
		return false;
	return map(&ring->queues, fd, submissions > completions ? submissions : completions, IORING_OFF_SQ_RING) &&
	       map(&ring->entries, fd, entries, IORING_OFF_SQES);
}

/* ---- the life of a ring ---- */

/* It is locked, and nobody's afterwards. */
static void let_go(struct raw_ring *ring)
{
	if (ring->view.sq.head)
		audit_uring_ends(&ring->view);
	ring->view = (struct uring){.fd = -1};
	unmap(&ring->queues);
	unmap(&ring->entries);
	ring->generation++;
	if (ring->used)
		__atomic_fetch_sub(&rings_used, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->used, 0, __ATOMIC_RELEASE);
	unlock(ring);
}

void audit_uring_raw_closed(int fd)
{
	int saved = errno;
	struct raw_ring *ring;

	if (!__atomic_load_n(&rings_used, __ATOMIC_RELAXED) || process_is_borrowed())
		return;
	ring = take_ring(fd);
	if (ring)
		let_go(ring);
	errno = saved;
}

static bool follow(int fd, const struct io_uring_params *params)
{
	struct raw_ring *ring = audit_may_probe() ? take(0) : NULL;
	struct uring_state *state;

	if (!ring)
		return false;
	if (!map_ring(ring, fd, params)) {
		let_go(ring);
		return false;
	}
	make_view(ring, fd, params);
	audit_uring_made(&ring->view);
	state = uring_find(&ring->view);
	if (state)
		state->is_indexed = ring->view.sq.array;
	__atomic_fetch_add(&rings_used, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->used, fd + 1, __ATOMIC_RELEASE);
	unlock(ring);
	return true;
}

void audit_uring_raw_made(int fd, const struct io_uring_params *params)
{
	int saved = errno;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	__atomic_store_n(&audit_other_closed, audit_uring_raw_closed, __ATOMIC_RELEASE);
	audit_uring_raw_closed(fd); /* one that was closed where no hook could see */
	socket_table_set_other(fd);
	if (!follow(fd, params))
		audit_used_io_uring();
	errno = saved;
}

void audit_uring_raw_forked(void)
{
	memset(rings, 0, sizeof(rings));
	rings_used = 0;
}

/* ---- one call ---- */

/* The kernel takes what the program has put into the queue by now, as far as the call says. */
static void show_submissions(struct uring *view, unsigned to_submit)
{
	uint32_t ready;

	view->sq.sqe_head = uring_load(view->sq.head);
	ready = uring_load(view->sq.tail) - view->sq.sqe_head;
	view->sq.sqe_tail = view->sq.sqe_head + (ready < to_submit ? ready : to_submit);
}

void audit_uring_raw_begin(struct audit_uring_raw *call, int fd, unsigned to_submit, unsigned flags)
{
	int saved = errno;
	struct raw_ring *ring = NULL;

	call->ring = NULL;
	if (thread_is_inside() || !process_ready())
		return;
	if (!(flags & URING_ENTER_REGISTERED_RING))
		ring = take_ring(fd);
	if (ring) {
		call->ring = ring;
		call->generation = ring->generation;
		show_submissions(&ring->view, to_submit);
		audit_uring_begin(&call->around, &ring->view, to_submit != 0);
		unlock(ring);
	} else if (to_submit) {
		audit_used_io_uring();
	}
	errno = saved;
}

void audit_uring_raw_end(struct audit_uring_raw *call, unsigned waited)
{
	int saved = errno;
	struct raw_ring *ring = call->ring;

	if (!ring)
		return;
	if (!lock(ring)) {
		trace_log_lost(TRACE_LOST_CONTENDED);
	} else {
		/* closed meanwhile, by another thread: then its end has been dealt with */
		if (ring->used && ring->generation == call->generation)
			audit_uring_end(&call->around, &ring->view, waited);
		unlock(ring);
	}
	errno = saved;
}
