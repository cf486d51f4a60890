/* thread.c: whether a frame of the stack is still there; thread.h tells what it is for. */
#include "shim/base/thread.h"

#include <signal.h>

#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"

__thread struct thread_state thread_state;

void (*thread_abandon)(uintptr_t frame);

void thread_signal_stack(const void *lowest, size_t bytes)
{
	thread_state.signal_stack = (uintptr_t)lowest;
	thread_state.signal_stack_bytes = bytes;
}

static bool lies_in(uintptr_t place, uintptr_t lowest, size_t bytes)
{
	return bytes && place - lowest < bytes;
}

/*
 * Whether the stack for signal handlers begins at `lowest`, and one of the two lies on it, the other not. Says which in
 * `*left`.
 */
static bool is_split_by(uintptr_t lowest, size_t bytes, uintptr_t place, uintptr_t frame, bool *left)
{
	*left = lies_in(place, lowest, bytes);
	return *left != lies_in(frame, lowest, bytes);
}

/* A handler on its own stack interrupts what is on another; what is on its stack is over once that other goes on. */
bool thread_is_left(uintptr_t place, uintptr_t frame)
{
	stack_t stack = {0};
	bool left;

	if (lies_in(place, thread_state.lent, thread_state.lent_bytes))
		place = thread_state.lent_to;
	if (deep_stack_has(frame)) /* the frame that called it is still there: nothing leaves such a stack by a jump */
		return false;
	if (is_split_by(thread_state.signal_stack, thread_state.signal_stack_bytes, place, frame, &left))
		return left;
	if (place >= frame)
		return false;
	/* the program may have made that stack known to the kernel past our hook */
	if (kernel_call2(SYS_sigaltstack, NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE) &&
		is_split_by((uintptr_t)stack.ss_sp, stack.ss_size, place, frame, &left))
		return left;
	return true;
}

void *thread_lent_and_left(void)
{
	void *memory = (void *)thread_state.lent;

	if (!thread_state.lent_bytes || !thread_is_left(thread_state.lent_to, (uintptr_t)__builtin_frame_address(0)))
		return NULL;
	if (thread_abandon) /* what lies there is given back first */
		thread_abandon((uintptr_t)__builtin_frame_address(0));
	thread_state.lent_bytes = 0;
	return memory;
}

bool thread_lend(const void *lowest, size_t bytes, uintptr_t place)
{
	if (bytes && thread_state.lent_bytes)
		return false;
	thread_state.lent_bytes = 0; /* a signal handler must not see one half of it */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread_state.lent = (uintptr_t)lowest;
	thread_state.lent_to = place;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread_state.lent_bytes = bytes;
	return true;
}

bool thread_is_still_inside(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (!thread_is_left(thread_state.inside, frame))
		return true;
	if (thread_abandon)
		thread_abandon(frame);
	thread_leave_by_jump();
	return false;
}

void thread_block_signals(uint64_t *before)
{
	const uint64_t blocked = KERNEL_SIGNALS_BLOCKED;

	if (kernel_call4(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, before, sizeof(blocked)) < 0)
		*before = ~(uint64_t)0; /* no mask: the kernel never gives one with SIGKILL in it */
}

void thread_allow_signals(const uint64_t *before)
{
	if (*before != ~(uint64_t)0)
		kernel_call4(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, sizeof(*before));
}
