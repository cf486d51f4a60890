/* signal_frame.c: looks for the return address that the kernel pushes below a handler. */
#include "shim/signal_frame.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ucontext.h>

#include "shim/kernel.h"

#if defined(__x86_64__)

#define SIGNALS 64
#define PAGE ((uintptr_t)4096)
#define RESTORERS 4u /* libc's own, and those of runtimes that install handlers past it */
#define DEPTH ((size_t)1 << 20)
#define FRAME_MAX ((size_t)64 << 10) /* the registers of AMX and all are some 11 KiB (arch/x86/kernel/fpu/xstate.c) */

/* Of rt_sigaction: include/uapi/asm/signal.h. */
struct kernel_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

/* What lies on the stack while a handler runs (arch/x86/include/asm/sigframe.h struct rt_sigframe), the return address first. */
struct signal_frame {
	uintptr_t restorer;
	unsigned long flags;
	void *link;
	stack_t stack;
	mcontext_t registers;
};

/* Where handlers return to. Returns how many places there are. */
static unsigned find_restorers(uintptr_t found[RESTORERS])
{
	unsigned count = 0;

	for (int number = 1; number <= SIGNALS; number++) {
		struct kernel_sigaction action = {0};
		bool known = false;

		if (kernel_call4(SYS_rt_sigaction, number, NULL, &action, sizeof(action.mask)) != 0 ||
			action.handler == (uintptr_t)SIG_DFL || action.handler == (uintptr_t)SIG_IGN)
			continue;
		for (unsigned i = 0; i < count; i++)
			known = known || found[i] == action.restorer;
		if (!known && count < RESTORERS)
			found[count++] = action.restorer;
	}
	return count;
}

static bool is_on_signal_stack(void)
{
	stack_t stack = {0};

	return kernel_call2(SYS_sigaltstack, NULL, &stack) == 0 && stack.ss_flags & SS_ONSTACK;
}

/* Besides the return address: the registers that were saved are those of a function further up on the same stack. */
static __attribute__((no_sanitize("address"))) bool is_frame(const struct signal_frame *frame)
{
	const greg_t *registers = frame->registers.gregs;
	uintptr_t at = (uintptr_t)frame;
	uintptr_t top = (uintptr_t)registers[REG_RSP];

	return !frame->link && top > at + sizeof(*frame) && top - at < FRAME_MAX && registers[REG_RIP] != 0 &&
	       (registers[REG_EFL] & 0x2) && registers[REG_EFL] >> 22 == 0;
}

static bool is_one_of(uintptr_t value, const uintptr_t *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (value == values[i])
			return true;
	return false;
}

/* Words below other functions' locals are read, too: whatever lies there is memory of this stack. */
static __attribute__((no_sanitize("address"))) bool scan(uintptr_t at, const uintptr_t *restorers, unsigned count)
{
	uintptr_t end = at + DEPTH;
	uintptr_t readable = (at | (PAGE - 1)) + 1; /* up to here: our own frame is on this page */

	for (; at < end; at += sizeof(at)) {
		for (; readable < at + sizeof(struct signal_frame); readable += PAGE)
			if (kernel_try_read(readable) != -EINVAL)
				return false;
		if (is_one_of(*(const uintptr_t *)at, restorers, count) && is_frame((const void *)at))
			return true;
	}
	return false;
}

bool signal_frame_is_near(void)
{
	uintptr_t restorers[RESTORERS];
	unsigned count = find_restorers(restorers);

	if (count == 0)
		return false;
	return is_on_signal_stack() || scan((uintptr_t)__builtin_frame_address(0), restorers, count);
}

#else

bool signal_frame_is_near(void)
{
	return false;
}

#endif
