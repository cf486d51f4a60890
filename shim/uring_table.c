/*
 * uring_table.c: states that are mapped as they are needed and stay, slots in a hash with open addressing, whose memory is mapped
 * and grows.
 */
#include "shim/uring_table.h"

#include <string.h>

#include "shim/pages.h"
#include "shim/process.h"
#include "shim/trace_log.h"
#include "shim/uring_layout.h"

#define FIRST_ROOM 256u
#define LAST_ROOM (1u << 17)
#define TRIES 4000 /* about some ten microseconds, a stack being taken included */

static struct uring_state *states[URING_RINGS];
static uint32_t states_used; /* those below it are there; none at or above it was ever taken */
static int known[URING_RINGS]; /* descriptors of rings, plus 1 */

/* ---- rings ---- */

static struct uring_state *state_at(uint32_t i)
{
	return __atomic_load_n(&states[i], __ATOMIC_ACQUIRE);
}

/* The same, made where it is not there yet; NULL where there is no memory. */
static struct uring_state *make_state(uint32_t i)
{
	struct uring_state *state = state_at(i);
	struct uring_state *mine;

	if (state)
		return state;
	mine = pages_map(sizeof(*mine));
	if (!mine)
		return NULL;
	if (__atomic_compare_exchange_n(&states[i], &state, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	pages_unmap(mine, sizeof(*mine));
	return state;
}

static bool try_lock(struct uring_state *state)
{
	int none = 0;

	return __atomic_compare_exchange_n(&state->busy, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool uring_lock(struct uring_state *state)
{
	for (int i = 0; i < TRIES; i++) {
		if (try_lock(state))
			return true;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	return false;
}

void uring_unlock(struct uring_state *state)
{
	__atomic_store_n(&state->busy, 0, __ATOMIC_RELEASE);
}

struct uring_state *uring_find(const struct uring *ring)
{
	uint32_t used = __atomic_load_n(&states_used, __ATOMIC_ACQUIRE);
	const void *key = ring->sq.head;

	for (uint32_t i = 0; key && i < used; i++)
		if (__atomic_load_n(&state_at(i)->key, __ATOMIC_ACQUIRE) == key)
			return state_at(i);
	return NULL;
}

struct uring_state *uring_of_descriptor(int fd)
{
	uint32_t used = __atomic_load_n(&states_used, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < used; i++)
		if (__atomic_load_n(&state_at(i)->key, __ATOMIC_ACQUIRE) && state_at(i)->fd == fd)
			return state_at(i);
	return NULL;
}

static struct uring_state *take_free(void)
{
	for (uint32_t i = 0; i < URING_RINGS; i++) {
		uint32_t used = __atomic_load_n(&states_used, __ATOMIC_RELAXED);
		struct uring_state *state = make_state(i);

		if (!state) {
			trace_log_lost(TRACE_LOST_NO_MEMORY);
			return NULL;
		}
		if (__atomic_load_n(&state->key, __ATOMIC_ACQUIRE) || !try_lock(state))
			continue;
		if (state->key) {
			uring_unlock(state);
			continue;
		}
		while (used <= i && !__atomic_compare_exchange_n(
					    &states_used, &used, i + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
		return state;
	}
	return NULL;
}

static void set_known(int fd, bool is_known)
{
	for (uint32_t i = 0; fd >= 0 && i < URING_RINGS; i++) {
		int expected = is_known ? 0 : fd + 1;

		if (__atomic_compare_exchange_n(
			    &known[i], &expected, is_known ? fd + 1 : 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
			is_known)
			return;
	}
}

bool uring_is_known(int fd)
{
	for (uint32_t i = 0; i < URING_RINGS; i++)
		if (__atomic_load_n(&known[i], __ATOMIC_RELAXED) == fd + 1)
			return true;
	return false;
}

struct uring_state *uring_made(const struct uring *ring)
{
	struct uring_state *state = uring_find(ring);
	uint32_t tail;

	if (state && !uring_lock(state))
		return NULL;
	if (!state)
		state = take_free();
	if (!state)
		return NULL;
	uring_op_clear(state);
	set_known(state->fd, false);
	state->next = __atomic_load_n(ring->sq.head, __ATOMIC_ACQUIRE);
	state->cursor = tail = __atomic_load_n(ring->cq.tail, __ATOMIC_ACQUIRE);
	state->news_count = state->unleft = 0;
	state->skips_forgotten = state->is_indexed = false;
	state->blind = (ring->flags & ~URING_KNOWN_SETUP) || state->next || tail || ring->sq.sqe_head;
	state->fd = ring->fd;
	set_known(ring->fd, false); /* of a ring that ended where we did not see it */
	if (!state->blind)
		set_known(ring->fd, true);
	__atomic_store_n(&state->key, ring->sq.head, __ATOMIC_RELEASE);
	return state;
}

void uring_gone(struct uring_state *state)
{
	uring_op_clear(state);
	set_known(state->fd, false);
	state->fd = -1;
	__atomic_store_n(&state->key, NULL, __ATOMIC_RELEASE);
	uring_unlock(state);
}

void uring_forked(void)
{
	for (uint32_t i = 0; i < states_used; i++) {
		states[i]->busy = 0;
		uring_op_clear(states[i]);
		states[i]->key = NULL;
	}
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
