/*
 * audit_uring.c: the way of io_uring: what a call on a ring submits, and what completes before and after it.
 *
 * The program takes completions by inline code that passes no hook, so we only look. What is posted is a fact of the
 * kernel's, and settles the write at once; what it tells, it has told once the program has gone past it, or was given
 * it by a call that waits.
 */
#include "shim/audit/audit.h"

#include <errno.h>
#include <string.h>

#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"
#include "shim/uring/uring_work.h"

static uint32_t load(const unsigned *shared)
{
	return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

/* ---- slots ---- */

static void has_left(struct uring_state *state, struct uring_op *op)
{
	if (!op->work.left && state->unleft)
		state->unleft--;
	op->work.left = true;
}

/* It cannot be told any more which operation a completion with these user_data means. */
static void give_up(struct uring_state *state, struct uring_op *op)
{
	if (op->doubtful)
		return;
	op->doubtful = true;
	uring_work_unknown(&op->work);
	has_left(state, op);
}

/* One operation less has these user_data. */
static void one_less(struct uring_state *state, struct uring_op *op)
{
	if (!op->doubtful) {
		has_left(state, op);
		uring_work_end(&op->work);
	}
	if (--op->outstanding)
		return;
	op->doubtful = op->answered = false;
	if (!op->skipped)
		uring_op_remove(state, op);
}

static void give_up_slot(struct uring_op *op)
{
	if (op->outstanding && !op->doubtful)
		uring_work_unknown(&op->work);
	op->doubtful = true;
}

/*
 * Something on this ring was not seen, so that a completion may be of an operation which we know nothing of. The ring
 * is left alone from here on, and the report says so.
 */
static void lose_track(struct uring_state *state)
{
	audit_used_io_uring();
	uring_op_each(state, give_up_slot);
	uring_op_clear(state);
	state->unleft = 0;
	state->blind = true;
}

/* ---- completions ---- */

static void keep_news(struct uring_state *state, const struct uring_news *news, uint32_t at)
{
	if (state->news_count == URING_NEWS) {
		struct socket_hold lost = news->hold;

		socket_release(&lost);
		audit_used_io_uring();
		return;
	}
	state->news[state->news_count] = *news;
	state->news[state->news_count++].at = at;
}

/* Tells of all that the program has taken from the queue by now. */
static void tell_news(struct uring_state *state, uint32_t heard_before)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->news_count; i++) {
		if (ring_is_after(heard_before, state->news[i].at))
			uring_work_heard(&state->news[i]);
		else
			state->news[kept++] = state->news[i];
	}
	state->news_count = kept;
}

static void complete(struct uring_state *state, const struct io_uring_cqe *cqe, uint32_t at, bool heard)
{
	struct uring_op *op = uring_op_find(state, cqe->user_data);
	struct uring_news news;

	if (!op || !op->outstanding || ring_is_after(op->born, at))
		return;
	if (cqe->res < 0 && (op->skipped || state->skips_forgotten))
		give_up(state, op);
	if (!op->doubtful && !(cqe->flags & URING_CQE_NOTIFICATION)) {
		if (op->answered && (op->work.sort == URING_WRITE || op->work.sort == URING_WRITE_QUIET))
			uring_work_more(&op->work, cqe->res);
		else if (uring_work_answer(&op->work, cqe->res, heard, &news))
			keep_news(state, &news, at);
		op->answered = true;
	}
	if (!(cqe->flags & URING_CQE_MORE))
		one_less(state, op);
}

/*
 * Goes on in the completion queue from where we were. An entry that the program has done with may be overwritten; its
 * place comes round again only after all others.
 */
static void scan(struct uring_state *state, const struct uring *ring, uint32_t handed)
{
	uint32_t tail = load(ring->cq.tail);
	uint32_t head = load(ring->cq.head);
	uint32_t entries = *ring->cq.entries;
	uint32_t mask = *ring->cq.mask;
	uint32_t shift = ring->flags & IORING_SETUP_CQE32 ? 1 : 0;

	for (; state->cursor != tail; state->cursor++) {
		struct io_uring_cqe cqe;

		memcpy(&cqe, (const char *)ring->cq.cqes + (((size_t)(state->cursor & mask) << shift) * sizeof(cqe)),
			sizeof(cqe));
		if (load(ring->cq.tail) - state->cursor > entries) {
			lose_track(state);
			return;
		}
		complete(state, &cqe, state->cursor, ring_is_after(head + handed, state->cursor));
	}
	if (state->news_count)
		tell_news(state, head + handed);
}

/* ---- submissions ---- */

static const struct io_uring_sqe *entry_at(const struct uring_state *state, const struct uring *ring, uint32_t at)
{
	uint32_t index = at & *ring->sq.mask;

	if (state->is_indexed)
		index = load(&ring->sq.array[index]) & *ring->sq.mask;
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
			give_up(state, op);
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
	op->born = load(ring->cq.tail);
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
	uint32_t head = load(ring->sq.head);

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
		one_less(state, op);
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
		give_up(state, op);
		op->skipped = true;
		one_less(state, op);
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
			give_up(state, op);
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
	scan(state, ring, 0);
	if (!state->blind && ring_is_after(load(ring->sq.head), state->ring.next))
		lose_track(state); /* the program has submitted by itself */
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
		scan(state, ring, handed);
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
			scan(state, ring, 0);
		uring_op_each(state, give_up_slot);
		uring_gone(state);
	}
	errno = saved;
}
