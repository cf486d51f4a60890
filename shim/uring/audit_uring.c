/*
 * audit_uring.c: the way of io_uring: what a call on a ring submits, and what completes before and after it.
 *
 * The program takes completions by inline code that passes no hook, so we only look. What is posted is a fact of the
 * kernel's, and settles the write at once; what it tells, it has told once the program has gone past it, or was given
 * it by a call that waits.
 */
#include "shim/uring/audit_uring.h"

#include <errno.h>
#include <string.h>

#include "shim/audit/audit_uring_look.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/uring/uring_completions.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"
#include "shim/uring/uring_work.h"

/* ---- submissions ---- */

static const struct io_uring_sqe *entry_at(const struct uring_state *state, const struct uring *ring, uint32_t at)
{
	uint32_t index = at & *ring->sq.mask;

	if (state->is_indexed)
		index = uring_load(&ring->sq.array[index]) & *ring->sq.mask;
	return &ring->sq.sqes[(size_t)index << (ring->flags & IORING_SETUP_SQE128 ? 1 : 0)];
}

/* An operation whose completion could not be told from another's: what is certain of it is that it is made. */
static void submit_doubtful(const struct io_uring_sqe *sqe, bool waits)
{
	struct uring_work work;

	memset(&work, 0, sizeof(work));
	if (!uring_work_begin(&work, sqe, waits))
		audit_used_io_uring();
	uring_work_unknown(&work);
}

static void submit(struct uring_state *state, const struct uring *ring, const struct io_uring_sqe *sqe, bool waits)
{
	struct uring_op *op = uring_op_find(state, sqe->user_data);
	struct uring_work work; /* what it holds is held by this frame, until it is kept */
	bool skips = sqe->flags & IOSQE_CQE_SKIP_SUCCESS;

	if (op && op->outstanding) {
		if (skips) {
			op->skipped = true;
		} else {
			uring_give_up(state, op);
			op->outstanding++;
		}
		submit_doubtful(sqe, waits);
		return;
	}
	if (!op)
		op = uring_op_add(state, sqe->user_data);
	if (!op) {
		audit_used_io_uring();
		return;
	}
	memset(&work, 0, sizeof(work));
	op->doubtful = op->answered = false;
	op->outstanding = 1;
	op->born = uring_load(ring->cq.tail);
	state->unleft++;
	if (!uring_work_begin(&work, sqe, waits))
		audit_used_io_uring();
	work.waits |= (ring->flags & IORING_SETUP_SQPOLL) != 0; /* the kernel's thread takes it when it likes */
	op->work = work;
}

static void submit_all(struct uring_state *state, const struct uring *ring)
{
	bool waits = false;

	for (; state->ring.next != ring->sq.sqe_tail; state->ring.next++) {
		const struct io_uring_sqe *sqe = entry_at(state, ring, state->ring.next);

		submit(state, ring, sqe, waits);
		waits = sqe->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
	}
}

/* What the kernel has not taken is submitted anew another time, and looked at then. */
static void take_back(struct uring_state *state, const struct uring *ring, uint32_t first)
{
	uint32_t head = uring_load(ring->sq.head);

	if (ring->flags & IORING_SETUP_SQPOLL || !ring_is_after(state->ring.next, head))
		return;
	if (ring_is_after(first, head))
		head = first;
	for (uint32_t at = head; at != state->ring.next; at++) {
		const struct io_uring_sqe *sqe = entry_at(state, ring, at);
		struct uring_op *op = uring_op_find(state, sqe->user_data);

		if (!op || !op->outstanding || op->work.skips != !!(sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
			continue;
		if (!op->doubtful)
			uring_work_cancel(&op->work);
		uring_one_less(state, op);
	}
	state->ring.next = head;
}

/* What of this call is still under way. */
static void leave(struct uring_state *state, const struct uring *ring, uint32_t first)
{
	trace_ref stack = 0;

	for (uint32_t at = first; at != state->ring.next && state->unleft; at++) {
		struct uring_op *op = uring_op_find(state, entry_at(state, ring, at)->user_data);

		if (!op || !op->outstanding || op->doubtful || op->work.left)
			continue;
		if (op->work.sort == URING_WRITE && !stack)
			stack = backtrace_capture();
		uring_work_leave(&op->work, stack);
		state->unleft--;
		if (!op->work.skips)
			continue;
		uring_give_up(state, op);
		op->skipped = true;
		uring_one_less(state, op);
	}
	state->unleft = 0;
}

/* ---- messages ---- */

static void expect_message(int ring_fd, uint64_t user_data)
{
	struct uring_state *state = uring_of_descriptor(ring_fd);
	struct uring_op *op;

	if (!state)
		return;
	if (!ring_lock(&state->ring)) {
		audit_used_io_uring();
		return;
	}
	op = state->blind ? NULL : uring_op_find(state, user_data);
	if (!op && !state->blind)
		op = uring_op_add(state, user_data);
	if (op && !op->outstanding)
		op->born = state->cursor;
	if (op) {
		op->outstanding++;
		if (!op->doubtful && op->outstanding > 1)
			uring_give_up(state, op);
		op->doubtful = true;
	}
	ring_unlock(&state->ring);
}

/* A message to a ring puts a completion there, whose user_data may be those of an operation of that ring. */
static void expect_messages(const struct uring_state *state, const struct uring *ring)
{
	for (uint32_t at = ring->sq.sqe_head; at != ring->sq.sqe_tail; at++) {
		const struct io_uring_sqe *sqe = entry_at(state, ring, at);

		if (__builtin_expect(sqe->opcode == IORING_OP_MSG_RING, 0))
			expect_message(sqe->fd, sqe->off);
	}
}

/* ---- around a call ---- */

/* The locked state of a ring that we can read; NULL where there is none. */
static struct uring_state *enter(const struct uring *ring)
{
	struct uring_state *state;

	if (thread_is_inside() || !ring || !ring->sq.head || !process_ready())
		return NULL;
	state = uring_find(ring);
	if (state && !ring_lock(&state->ring)) {
		trace_log_lost(TRACE_LOST_CONTENDED);
		return NULL;
	}
	if (!state) {
		state = process_is_borrowed() ? NULL : uring_made(ring);
		if (!state || state->blind)
			audit_used_io_uring();
		if (!state)
			return NULL;
	}
	if (state->blind) {
		ring_unlock(&state->ring);
		return NULL;
	}
	return state;
}

void audit_uring_begin(struct audit_uring *call, const struct uring *ring, bool submits)
{
	struct uring_state *state;

	call->error = errno;
	call->submits = false;
	state = enter(ring);
	if (!state)
		return;
	if (submits) {
		ring_unlock(&state->ring);
		expect_messages(state, ring);
		if (!ring_lock(&state->ring))
			return;
	}
	uring_scan(state, ring, 0);
	if (!state->blind && ring_is_after(uring_load(ring->sq.head), state->ring.next))
		uring_lose_track(state); /* the program has submitted by itself */
	if (submits && !state->blind && state->ring.next != ring->sq.sqe_tail && !process_is_borrowed()) {
		call->submits = true;
		call->first = state->ring.next;
		submit_all(state, ring);
	}
	ring_unlock(&state->ring);
	errno = call->error;
}

void audit_uring_end(struct audit_uring *call, const struct uring *ring, unsigned handed)
{
	struct uring_state *state = enter(ring);

	if (state) {
		uring_scan(state, ring, handed);
		if (call->submits && !state->blind) {
			take_back(state, ring, call->first);
			leave(state, ring, call->first);
		}
		ring_unlock(&state->ring);
	}
	errno = call->error;
}

/* ---- rings ---- */

void audit_uring_made(const struct uring *ring)
{
	int saved = errno;
	struct uring_state *state;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	state = uring_made(ring);
	if (!state || state->blind)
		audit_used_io_uring();
	if (state)
		ring_unlock(&state->ring);
	errno = saved;
}

void audit_uring_ends(const struct uring *ring)
{
	int saved = errno;
	struct uring_state *state;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	state = uring_find(ring);
	if (state && ring_lock(&state->ring)) {
		if (!state->blind)
			uring_scan(state, ring, 0);
		uring_op_each(state, uring_give_up_slot);
		uring_gone(state);
	}
	errno = saved;
}
