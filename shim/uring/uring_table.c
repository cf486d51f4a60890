/*
 * uring_table.c: what is kept of a ring beside its place (rings.h), and slots in a hash with open addressing, whose
 * memory is mapped and grows.
 */
#include "shim/uring/uring_table.h"

#include <string.h>

#include "shim/base/pages.h"
#include "shim/base/process.h"
#include "shim/trace/trace_log.h"
#include "shim/uring/uring_layout.h"

#define FIRST_ROOM 256u
#define LAST_ROOM (1u << 17)

/* ---- rings ---- */

struct uring_state *uring_find(const struct uring *ring)
{
	return (struct uring_state *)ring_find(ring->sq.head);
}

struct uring_state *uring_of_descriptor(int fd)
{
	return (struct uring_state *)ring_of_descriptor(fd);
}

struct uring_state *uring_made(const struct uring *ring)
{
	struct uring_state *state = uring_find(ring);
	uint32_t tail;

	if (state && !ring_lock(&state->ring))
		return NULL;
	if (!state)
		state = (struct uring_state *)ring_take(sizeof(*state));
	if (!state)
		return NULL;
	uring_op_clear(state);
	ring_set_known(state->ring.fd, false);
	state->ring.next = __atomic_load_n(ring->sq.head, __ATOMIC_ACQUIRE);
	state->cursor = tail = __atomic_load_n(ring->cq.tail, __ATOMIC_ACQUIRE);
	state->news_count = state->unleft = 0;
	state->skips_forgotten = state->is_indexed = false;
	state->blind = (ring->flags & ~URING_KNOWN_SETUP) || state->ring.next || tail || ring->sq.sqe_head;
	state->ring.fd = ring->fd;
	ring_set_known(ring->fd, false); /* of a ring that ended where we did not see it */
	if (!state->blind)
		ring_set_known(ring->fd, true);
	ring_publish(&state->ring, ring->sq.head);
	return state;
}

void uring_gone(struct uring_state *state)
{
	uring_op_clear(state);
	ring_set_known(state->ring.fd, false);
	state->ring.fd = -1;
	ring_publish(&state->ring, NULL);
	ring_unlock(&state->ring);
}

static void forget(struct ring *ring)
{
	uring_op_clear((struct uring_state *)ring);
	ring->busy = 0;
	ring->key = NULL;
}

void uring_forked(void)
{
	ring_each(forget);
}

/* ---- slots ---- */

static uint32_t home_of(const struct uring_state *state, uint64_t user_data)
{
	uint64_t hash = user_data * 0x9e3779b97f4a7c15u;

	return (uint32_t)((hash ^ hash >> 29) >> 7) & (state->room - 1);
}

struct uring_op *uring_op_find(struct uring_state *state, uint64_t user_data)
{
	if (!state->room)
		return NULL;
	for (uint32_t i = home_of(state, user_data); state->ops[i].taken; i = (i + 1) & (state->room - 1))
		if (state->ops[i].user_data == user_data)
			return &state->ops[i];
	return NULL;
}

/* There is a free slot, and none with these bits. */
static struct uring_op *take_slot(struct uring_state *state, uint64_t user_data)
{
	uint32_t i = home_of(state, user_data);

	while (state->ops[i].taken)
		i = (i + 1) & (state->room - 1);
	state->ops[i].taken = true;
	state->ops[i].user_data = user_data;
	state->used++;
	return &state->ops[i];
}

static bool set_room(struct uring_state *state, uint32_t room)
{
	struct uring_op *old = state->ops;
	uint32_t old_room = state->room;
	struct uring_op *memory = pages_map(room * sizeof(*old));

	if (!memory)
		return false;
	state->ops = memory;
	state->room = room;
	state->used = 0;
	for (uint32_t i = 0; i < old_room; i++)
		if (old[i].taken)
			*take_slot(state, old[i].user_data) = old[i];
	if (old)
		pages_unmap(old, old_room * sizeof(*old));
	return true;
}

/* Slots that only tell that a failure may come are dropped rather than let the memory grow without bound. */
static void forget_skipped(struct uring_state *state)
{
	for (uint32_t i = 0; i < state->room; i++)
		while (state->ops[i].taken && !state->ops[i].outstanding) {
			state->skips_forgotten |= state->ops[i].skipped;
			uring_op_remove(state, &state->ops[i]);
		}
}

struct uring_op *uring_op_add(struct uring_state *state, uint64_t user_data)
{
	struct uring_op *op;

	if (state->room && 2 * state->used >= state->room)
		forget_skipped(state);
	if (!state->room || 2 * state->used >= state->room) {
		uint32_t room = state->room ? 2 * state->room : FIRST_ROOM;

		if (room > LAST_ROOM || !set_room(state, room)) {
			trace_log_lost(TRACE_LOST_NO_MEMORY);
			return NULL;
		}
	}
	op = take_slot(state, user_data);
	op->outstanding = op->born = 0;
	op->doubtful = op->skipped = op->answered = false;
	memset(&op->work, 0, sizeof(op->work));
	return op;
}

/* Those behind it that would no longer be found move up. */
void uring_op_remove(struct uring_state *state, struct uring_op *op)
{
	uint32_t mask = state->room - 1;
	uint32_t hole = (uint32_t)(op - state->ops);

	for (uint32_t i = (hole + 1) & mask; state->ops[i].taken; i = (i + 1) & mask) {
		uint32_t home = home_of(state, state->ops[i].user_data);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		state->ops[hole] = state->ops[i];
		hole = i;
	}
	state->ops[hole].taken = false;
	state->used--;
}

void uring_op_each(struct uring_state *state, void (*visit)(struct uring_op *op))
{
	for (uint32_t i = 0; i < state->room; i++)
		if (state->ops[i].taken)
			visit(&state->ops[i]);
}

void uring_work_release(struct uring_work *work)
{
	if (work->sort == URING_WRITE)
		socket_release(&work->write.hold);
	else if (work->sort == URING_CLOSE)
		socket_release(&work->close.hold);
	if (work->counted)
		__atomic_fetch_sub(&work->hold.socket->in_flight, 1, __ATOMIC_ACQ_REL);
	work->counted = false;
	socket_release(&work->hold);
}

static void release_slot(struct uring_op *op)
{
	uring_work_release(&op->work);
}

void uring_op_clear(struct uring_state *state)
{
	uring_op_each(state, release_slot);
	for (uint32_t i = 0; i < state->news_count; i++)
		socket_release(&state->news[i].hold);
	state->news_count = 0;
	if (state->ops)
		pages_unmap(state->ops, state->room * sizeof(*state->ops));
	state->ops = NULL;
	state->room = state->used = 0;
}
