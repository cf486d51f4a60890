/*
 * hold.h: who looks at which object, so that nobody gives it to somebody else meanwhile (hazard pointers;
 * docs/LIFETIME.md).
 *
 * Each thread has a block of slots. Taking a hold is one store with a full fence; then the caller makes sure that the
 * object is still where it found it. Whoever wants to use an object again, after the last place that led to it is gone,
 * looks through the slots of all threads first. Objects are of memory that is never unmapped.
 *
 * A hold belongs to a frame of the stack: the address of the struct that says so (`holder`) lies in it. A frame that
 * was left by siglongjmp or an exception gives nothing back: its slot is found to be abandoned by a later call of the
 * thread. The block of a thread that is gone is found by the next one that needs a block.
 *
 * Any thread and signal handler, a forked child, before the constructor. Takes no lock and waits for nobody. In a
 * vforked child the slots are those of the parent's thread, which is suspended: what the child takes it gives back.
 */
#ifndef SOCKSAN_HOLD_H
#define SOCKSAN_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/thread.h"

struct trace_incident;
struct trace_socket;

#define HOLD_SLOTS 24u /* for one thread: fflush(NULL) takes 16, a signal handler in its midst one or two more */

struct hold_slot {
	const void *object; /* NULL: nothing yet */
	uintptr_t holder; /* 0: the slot is free */
	/* What a call that is left in its midst leaves unfinished; NULL: nothing. */
	struct trace_socket *in_call; /* says that a write is under way */
	struct trace_incident *incident; /* announced for it */
};

struct hold_block {
	uintptr_t owner; /* the thread's `thread_state`; 0: free */
	int32_t tid; /* 0: unknown */
	uint32_t high; /* slots from here on are free */
	uint32_t unwinding; /* the thread is in the unwinder (backtrace.c) */
	struct hold_slot slots[HOLD_SLOTS];
};

/* Called for a slot with something unfinished whose frame, or thread, is gone. Set once, by the layer above. */
extern void (*hold_abandoned)(struct hold_slot *slot) __attribute__((visibility("hidden")));

/*
 * The way for a thread's first hold, and wherever one is held already. Returns a free slot that is marked as
 * `holder`'s, NULL where there is none to be had.
 */
struct hold_slot *hold_find_slot(uintptr_t holder);

/* The one fenced store of a hold; tests/unit/shim/socket/lifetime.c shows what happens without it. */
#ifndef HOLD_PUBLISH
#define HOLD_PUBLISH(slot, value) (void)__atomic_exchange_n(&(slot)->object, value, __ATOMIC_SEQ_CST)
#endif

/*
 * Holds `object` for `holder`, an address in the frame of a caller. From here on the object is not used again, if it
 * was not free already: look that it is still in use. NULL where there is no slot.
 */
static inline struct hold_slot *hold_take(const void *holder, const void *object)
{
	struct hold_block *block = thread_state.holds;
	struct hold_slot *slot;

	/* a handler that comes here in between has given the slot back before we go on */
	if (__builtin_expect(block && block->high <= 1 && !block->slots[0].holder, 1)) {
		slot = &block->slots[0];
		slot->holder = (uintptr_t)holder;
		block->high = 1;
	} else {
		slot = hold_find_slot((uintptr_t)holder);
		if (!slot)
			return NULL;
	}
	HOLD_PUBLISH(slot, object);
	return slot;
}

static inline void hold_give_back(struct hold_slot *slot)
{
	slot->in_call = NULL;
	slot->incident = NULL;
	__atomic_store_n(&slot->object, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->holder, 0, __ATOMIC_RELEASE);
}

/*
 * Calls `visit` for each object that is held now, or was a moment ago, by any thread. Blocks of threads that are gone
 * are freed.
 */
void hold_each(void (*visit)(const void *object));

/* This thread's block; NULL where there is no memory for one. */
struct hold_block *hold_own_block(void);

/* Whether another thread is in the unwinder. */
bool hold_others_unwind(void);

/* How many threads may hold something: what hold_each costs. */
uint32_t hold_threads(void);

/*
 * This thread is about to leave the frames below `frame` by a jump, or has left them: their slots are given back.
 */
void hold_leave(uintptr_t frame);

/* In a forked child: the other threads' holds are void. */
void hold_forked(void);

#endif
