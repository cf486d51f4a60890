/* uring_completions.c: which operation a completion is of, and what the program is told by it. */
#include "shim/uring/uring_completions.h"

#include <string.h>

#include "shim/audit/audit_uring_look.h"
#include "shim/socket/socket_hold.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_work.h"

/* ---- slots ---- */

static void has_left(struct uring_state *state, struct uring_op *op)
{
	if (!op->work.left && state->unleft)
		state->unleft--;
	op->work.left = true;
}

void uring_give_up(struct uring_state *state, struct uring_op *op)
{
	if (op->doubtful)
		return;
	op->doubtful = true;
	uring_work_unknown(&op->work);
	has_left(state, op);
}

void uring_one_less(struct uring_state *state, struct uring_op *op)
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

void uring_give_up_slot(struct uring_op *op)
{
	if (op->outstanding && !op->doubtful)
		uring_work_unknown(&op->work);
	op->doubtful = true;
}

void uring_lose_track(struct uring_state *state)
{
	audit_used_io_uring();
	uring_op_each(state, uring_give_up_slot);
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
		uring_give_up(state, op);
	if (!op->doubtful && !(cqe->flags & URING_CQE_NOTIFICATION)) {
		if (op->answered && (op->work.sort == URING_WRITE || op->work.sort == URING_WRITE_QUIET))
			uring_work_more(&op->work, cqe->res);
		else if (uring_work_answer(&op->work, cqe->res, heard, &news))
			keep_news(state, &news, at);
		op->answered = true;
	}
	if (!(cqe->flags & URING_CQE_MORE))
		uring_one_less(state, op);
}

void uring_scan(struct uring_state *state, const struct uring *ring, uint32_t handed)
{
	uint32_t tail = uring_load(ring->cq.tail);
	uint32_t head = uring_load(ring->cq.head);
	uint32_t entries = *ring->cq.entries;
	uint32_t mask = *ring->cq.mask;
	uint32_t shift = ring->flags & IORING_SETUP_CQE32 ? 1 : 0;

	for (; state->cursor != tail; state->cursor++) {
		struct io_uring_cqe cqe;

		memcpy(&cqe, (const char *)ring->cq.cqes + (((size_t)(state->cursor & mask) << shift) * sizeof(cqe)),
			sizeof(cqe));
		if (uring_load(ring->cq.tail) - state->cursor > entries) {
			uring_lose_track(state);
			return;
		}
		complete(state, &cqe, state->cursor, ring_is_after(head + handed, state->cursor));
	}
	if (state->news_count)
		tell_news(state, head + handed);
}
