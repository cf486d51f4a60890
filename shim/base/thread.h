/*
 * thread.h: what the shim keeps for each thread: a few words of initial-exec TLS, so that reaching them allocates
 * nothing.
 *
 * `inside` tells while the shim uses the loader or the unwinder: their own calls to close, read, pipe2 or syscall come
 * back through our hooks, and must go past the audit (FIELD_NOTES P2). A signal handler that runs meanwhile is audited
 * without stacks. It is the frame that began this, not a flag: a handler may leave it by a jump, and then it must not
 * hold for ever.
 */
#ifndef SOCKSAN_THREAD_H
#define SOCKSAN_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes what the interpreter writes of its stack. */
struct thread_dump {
	char *text;
	uint32_t size;
	uint32_t used;
};

#define THREAD_CLAIMS 4 /* records under way at once: one, and what signal handlers add */
#define THREAD_READY 32 /* descriptors that are remembered of a wait */

struct hold_block;

/* Descriptors that a call of the program's has made and not returned yet; in the frame of our hook. */
struct thread_made {
	struct thread_made *outer; /* of a call that a signal handler interrupted */
	const struct thread_made *self; /* what lies there otherwise is somebody else's frame by now */
	int fds[2]; /* -1: none */
};

struct thread_state {
	struct hold_block *holds; /* what it looks at (hold.h); NULL: nothing so far */
	uintptr_t inside; /* the outermost frame of our own use of the loader or the unwinder; 0: outside */
	bool unwinding; /* the unwinder itself: its address checks are answered without a descriptor */
	struct {
		void *record; /* claimed in the trace and not committed yet */
		uintptr_t frame;
	} claims[THREAD_CLAIMS];
	struct thread_dump *dump; /* an interpreter is writing its stack; NULL otherwise */
	uintptr_t iterating; /* the frame of its dl_iterate_phdr, 0 outside */
	struct thread_made *made; /* the innermost; NULL: nothing */
	bool warmed; /* this thread's cache in the unwinder is made (stack_walk.h) */
	uintptr_t signal_stack; /* the stack that its signal handlers run on, if it gave them one, */
	size_t signal_stack_bytes; /* and its size, 0 where it did not */
	uintptr_t lent; /* memory that stands for a frame, */
	size_t lent_bytes; /* its size, 0 where there is none, */
	uintptr_t lent_to; /* and a place in that frame */
	int last_closed_fd; /* of this thread's run of closes, number by number */
	bool sweeping; /* the run met a number that was never open: it closes whatever there is */
	uint8_t accused_count;
	void *accused[32]; /* incidents of the run, to be taken back should it turn out to be such a sweep */
	uint32_t room_seen; /* changes of the quarantine when this thread last found no room in it */
	uint32_t label; /* trace_ref of the text that socksan_label gave, valid in `label_generation` */
	uint32_t label_generation;
	uint32_t noted[8]; /* the last incidents that this thread counted in: where they are, */
	uint32_t noted_generation[8];
	uint64_t noted_events[8]; /* and how many events that made (tally.h) */
	uint32_t noted_next;
	uint32_t ahead; /* connections to look at in one call (audit_ahead.h) */
	uint32_t ready_at; /* where the last of them was found in `ready` */
	uint32_t ready_count;
	int ready[THREAD_READY]; /* what its last wait said has input, in that order */
};

extern __thread struct thread_state thread_state __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * Whether the frame that `place` lies in, of this thread, was left by a jump: it would be below `frame`, which is one
 * of the frames there are now, and on the same stack. No on a stack of ours (deep_stack.h), and no where a signal
 * handler runs on a stack of its own, and no where deeper calls have taken the place in again: that shows later, when
 * they return.
 */
bool thread_is_left(uintptr_t place, uintptr_t frame);

/* The thread's signal handlers run on these bytes from now on; 0 of them: on its own stack. */
void thread_signal_stack(const void *lowest, size_t bytes);

/*
 * Memory that is not of the stack, `bytes` from `lowest`, stands for the frame that `place` lies in until that frame is
 * gone: what lies there counts as lying in it. Returns false where an earlier frame of this thread, which has not
 * ended, has some. 0 bytes: no more.
 */
bool thread_lend(const void *lowest, size_t bytes, uintptr_t place);

/* What was lent to a frame that was left by a jump, for whoever wants to give it back; NULL: nothing. */
void *thread_lent_and_left(void);

/*
 * Called once this thread has left the frames below `frame` by a jump: what they had under way is given back. Set once.
 */
extern void (*thread_abandon)(uintptr_t frame) __attribute__((visibility("hidden")));

/* Gives back what a jump has left, where `inside` shows one. Returns whether we are inside all the same. */
bool thread_is_still_inside(void);

/* A jump has left our own use of the loader or the unwinder. */
static inline void thread_leave_by_jump(void)
{
	thread_state.inside = 0;
	thread_state.unwinding = false;
	thread_state.dump = NULL;
}

static inline bool thread_is_inside(void)
{
	return __builtin_expect(thread_state.inside != 0, 0) && thread_is_still_inside();
}

static inline bool thread_is_unwinding(void)
{
	return __builtin_expect(thread_state.unwinding, 0) && thread_is_inside();
}

/*
 * Begins our own use of the loader or the unwinder; returns what thread_leave is to be given, from the same function.
 */
static inline __attribute__((always_inline)) uintptr_t thread_enter(void)
{
	uintptr_t before = thread_is_inside() ? thread_state.inside : 0;

	if (!before)
		thread_state.inside = (uintptr_t)__builtin_frame_address(0);
	return before;
}

static inline void thread_leave(uintptr_t before)
{
	thread_state.inside = before;
}

/*
 * Keeps signals, cancellation included, out of a few steps that must not be left in their midst: a lock is held, or
 * something is made once and for all. Two system calls, so not for what is frequent; nothing under a seccomp filter.
 * `*before` is for thread_allow_signals.
 */
void thread_block_signals(uint64_t *before);
void thread_allow_signals(const uint64_t *before);

#endif
