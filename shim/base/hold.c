/* hold.c: blocks of slots in chunks that are mapped as they are needed and stay. */
#include "shim/base/hold.h"

#include <errno.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/pages.h"
#include "shim/base/process.h"

#define CHUNK_BLOCKS 64u
#define CHUNKS 1024u /* 65,536 threads at once */

static struct hold_block first_chunk[CHUNK_BLOCKS];
static struct hold_block *chunks[CHUNKS] = {first_chunk};
static uint32_t block_count; /* blocks that were ever used */

void (*hold_abandoned)(struct hold_slot *slot);

static struct hold_block *block_at(uint32_t index)
{
	struct hold_block *chunk = __atomic_load_n(&chunks[index / CHUNK_BLOCKS], __ATOMIC_ACQUIRE);

	return chunk ? &chunk[index % CHUNK_BLOCKS] : NULL;
}

/* Gives a slot back whose frame or thread is gone. */
static void abandon(struct hold_slot *slot)
{
	if ((slot->in_call || slot->incident) && hold_abandoned)
		hold_abandoned(slot);
	hold_give_back(slot);
}

static void abandon_all(struct hold_block *block)
{
	for (uint32_t i = 0; i < HOLD_SLOTS; i++)
		if (__atomic_load_n(&block->slots[i].holder, __ATOMIC_ACQUIRE))
			abandon(&block->slots[i]);
}

/* ---- a thread's block ---- */

/* Whether the thread has ended. Of one whose id another thread has by now, that other thread finds out. */
static bool is_gone(const struct hold_block *block)
{
	int32_t tid = __atomic_load_n(&block->tid, __ATOMIC_ACQUIRE);

	return tid && kernel_call3(SYS_tgkill, process_page->pid, tid, 0) == -ESRCH;
}

/*
 * Frees the block of a thread that has ended. Of several threads that find this out one does it: the block is its own
 * meanwhile, with a mark, since its owner has another.
 */
static bool free_block(struct hold_block *block, uintptr_t owner)
{
	uintptr_t mine = (uintptr_t)&thread_state | 1;

	if (!__atomic_compare_exchange_n(&block->owner, &owner, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	abandon_all(block);
	__atomic_store_n(&block->unwinding, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&block->owner, 0, __ATOMIC_RELEASE);
	return true;
}

/* A further block, this thread's already; NULL where there is no memory. */
static struct hold_block *add_block(uintptr_t mine)
{
	uint32_t index = __atomic_load_n(&block_count, __ATOMIC_ACQUIRE);
	struct hold_block *none = NULL;
	uintptr_t nobody = 0;
	struct hold_block *memory;

	for (; index < CHUNKS * CHUNK_BLOCKS; index++) {
		if (!block_at(index)) {
			memory = pages_map(sizeof(first_chunk));
			if (!memory)
				return NULL;
			none = NULL;
			if (!__atomic_compare_exchange_n(&chunks[index / CHUNK_BLOCKS], &none, memory, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
				pages_unmap(memory, sizeof(first_chunk));
		}
		nobody = 0;
		if (!__atomic_compare_exchange_n(
			    &block_at(index)->owner, &nobody, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		/* whoever looks through the blocks must see this one before it holds anything */
		uint32_t count = __atomic_load_n(&block_count, __ATOMIC_RELAXED);

		while (count <= index && !__atomic_compare_exchange_n(&block_count, &count, index + 1, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			;
		return block_at(index);
	}
	return NULL;
}

/*
 * A block that carries our name was a thread's that had our place in memory, or our thread id, before us. It is left
 * with what it holds; so is one that a jump took this thread away from while it made it its own.
 */
static struct hold_block *find_block(uintptr_t mine, int32_t tid)
{
	uint32_t count = __atomic_load_n(&block_count, __ATOMIC_ACQUIRE);
	struct hold_block *found = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct hold_block *block = block_at(i);
		uintptr_t owner = __atomic_load_n(&block->owner, __ATOMIC_ACQUIRE);
		uintptr_t nobody = 0;

		if ((owner & ~(uintptr_t)1) == mine ||
			(owner && tid && __atomic_load_n(&block->tid, __ATOMIC_ACQUIRE) == tid))
			free_block(block, owner);
		if (!found && __atomic_compare_exchange_n(
				      &block->owner, &nobody, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			found = block;
	}
	return found;
}

static bool free_those_gone(void)
{
	uint32_t count = __atomic_load_n(&block_count, __ATOMIC_ACQUIRE);
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		uintptr_t owner = __atomic_load_n(&block_at(i)->owner, __ATOMIC_ACQUIRE);

		if (owner && is_gone(block_at(i)))
			any |= free_block(block_at(i), owner);
	}
	return any;
}

static struct hold_block *take_block(void)
{
	uintptr_t mine = (uintptr_t)&thread_state;
	/* a vforked child's id would be one that is soon gone, while the thread whose block this is lives on */
	int32_t tid = process_is_borrowed() ? 0 : process_thread_id();
	uint32_t count = __atomic_load_n(&block_count, __ATOMIC_RELAXED);
	struct hold_block *block;

	block = find_block(mine, tid);
	/* threads come and go: before there are twice as many blocks, see who is gone */
	if (!block && count >= CHUNK_BLOCKS && !(count & (count - 1)) && free_those_gone())
		block = find_block(mine, tid);
	if (!block)
		block = add_block(mine);
	if (!block)
		return NULL;
	if (thread_state.holds) { /* a signal handler came in between */
		__atomic_store_n(&block->owner, 0, __ATOMIC_RELEASE);
		return thread_state.holds;
	}
	block->high = 0;
	__atomic_store_n(&block->tid, tid, __ATOMIC_RELEASE);
	thread_state.holds = block;
	return block;
}

struct hold_block *hold_own_block(void)
{
	return thread_state.holds ? thread_state.holds : take_block();
}

/* ---- slots ---- */

struct hold_slot *hold_find_slot(uintptr_t holder)
{
	struct hold_block *block = hold_own_block();
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	struct hold_slot *found = NULL;
	uint32_t high = 0;

	if (!block)
		return NULL;
	for (uint32_t i = 0; i < HOLD_SLOTS && (i < block->high || !found); i++) {
		struct hold_slot *slot = &block->slots[i];

		/* nobody else can have the same address now */
		if (slot->holder && (slot->holder == holder || thread_is_left(slot->holder, frame)))
			abandon(slot);
		if (slot->holder) {
			high = i + 1;
		} else if (!found) {
			found = slot;
			found->holder = holder;
			high = i + 1;
			if (block->high < high)
				block->high = high;
		}
	}
	block->high = high;
	return found;
}

void hold_leave(uintptr_t frame)
{
	struct hold_block *block = thread_state.holds;

	if (block && block->unwinding && thread_is_left(thread_state.inside, frame))
		__atomic_store_n(&block->unwinding, 0, __ATOMIC_RELEASE);
	for (uint32_t i = 0; block && i < block->high; i++)
		if (block->slots[i].holder && thread_is_left(block->slots[i].holder, frame))
			abandon(&block->slots[i]);
}

/* ---- all threads ---- */

uint32_t hold_threads(void)
{
	return __atomic_load_n(&block_count, __ATOMIC_RELAXED);
}

void hold_each(void (*visit)(const void *object))
{
	uint32_t count;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	count = __atomic_load_n(&block_count, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < count; i++) {
		struct hold_block *block = block_at(i);
		uintptr_t owner = __atomic_load_n(&block->owner, __ATOMIC_ACQUIRE);
		bool holds = false;

		if (!owner)
			continue;
		for (uint32_t at = 0; at < HOLD_SLOTS; at++)
			holds |= __atomic_load_n(&block->slots[at].object, __ATOMIC_SEQ_CST) != NULL;
		if (!holds || (is_gone(block) && free_block(block, owner)))
			continue;
		for (uint32_t at = 0; at < HOLD_SLOTS; at++) {
			const void *object = __atomic_load_n(&block->slots[at].object, __ATOMIC_SEQ_CST);

			if (object)
				visit(object);
		}
	}
}

bool hold_others_unwind(void)
{
	uint32_t count = __atomic_load_n(&block_count, __ATOMIC_SEQ_CST);

	for (uint32_t i = 0; i < count; i++) {
		struct hold_block *block = block_at(i);
		uintptr_t owner = __atomic_load_n(&block->owner, __ATOMIC_ACQUIRE);

		if (!owner || block == thread_state.holds || !__atomic_load_n(&block->unwinding, __ATOMIC_SEQ_CST))
			continue;
		if (!is_gone(block) || !free_block(block, owner))
			return true;
	}
	return false;
}

void hold_forked(void)
{
	for (uint32_t i = 0; i < block_count; i++) {
		struct hold_block *block = block_at(i);

		if (block != thread_state.holds) {
			memset(block, 0, sizeof(*block));
			continue;
		}
		block->tid = process_thread_id();
		for (uint32_t at = 0; at < HOLD_SLOTS; at++) { /* what is unfinished is the parent's to finish */
			block->slots[at].in_call = NULL;
			block->slots[at].incident = NULL;
		}
	}
}
