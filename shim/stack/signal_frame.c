/* signal_frame.c: looks for what the kernel puts on the stack below a handler. */
#include "shim/stack/signal_frame.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ucontext.h>

#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/trace/bus_error.h"

#if defined(__x86_64__) || defined(__aarch64__)

#define SIGNALS 64
#define PAGE ((uintptr_t)4096)
#define RESTORERS 4u /* libc's own, and those of runtimes that install handlers past it */
#define DEPTH ((size_t)1 << 20)

/* Of rt_sigaction: include/uapi/asm/signal.h. */
struct kernel_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

/* Where the program's handlers return to, one for each that differs; never none where there is a handler. */
struct restorers {
	uintptr_t address[RESTORERS];
	unsigned count;
};

static bool is_one_of(uintptr_t value, const struct restorers *restorers)
{
	for (unsigned i = 0; i < restorers->count; i++)
		if (value == restorers->address[i])
			return true;
	return false;
}

static void find_restorers(struct restorers *found)
{
	for (int number = 1; number <= SIGNALS; number++) {
		struct kernel_sigaction action = {0};

		if (kernel_call4(SYS_rt_sigaction, number, NULL, &action, sizeof(action.mask)) != 0 ||
			action.handler == (uintptr_t)SIG_DFL || action.handler == (uintptr_t)SIG_IGN ||
			(number == SIGBUS && bus_error_is_ours_alone(action.handler)))
			continue;
		if (!is_one_of(action.restorer, found) && found->count < RESTORERS)
			found->address[found->count++] = action.restorer;
	}
}

static bool is_on_signal_stack(uintptr_t frame)
{
	stack_t stack = {0};

	return kernel_call2(SYS_sigaltstack, NULL, &stack) == 0 &&
	       (stack.ss_flags & SS_ONSTACK || frame - (uintptr_t)stack.ss_sp < stack.ss_size);
}

#if defined(__x86_64__)

#define FRAME_MAX ((size_t)64 << 10) /* the registers of AMX and all are some 11 KiB (arch/x86/kernel/fpu/xstate.c) */

/*
 * What lies on the stack while a handler runs (arch/x86/include/asm/sigframe.h struct rt_sigframe), the return address
 * first.
 */
struct signal_frame {
	uintptr_t restorer;
	unsigned long flags;
	void *link;
	stack_t stack;
	mcontext_t registers;
};

/* Besides the return address: the registers that were saved are those of a function further up on the same stack. */
static __attribute__((no_sanitize("address"))) bool is_frame(
	const struct signal_frame *frame, const struct restorers *restorers)
{
	const greg_t *registers = frame->registers.gregs;
	uintptr_t at = (uintptr_t)frame;
	uintptr_t top = (uintptr_t)registers[REG_RSP];

	return is_one_of(frame->restorer, restorers) && !frame->link && top > at + sizeof(*frame) &&
	       top - at < FRAME_MAX && registers[REG_RIP] != 0 && (registers[REG_EFL] & 0x2) &&
	       registers[REG_EFL] >> 22 == 0;
}

#else

/* The registers of SVE and SME, for which memory is set aside where there are any, are some 80 KiB at most. */
#define FRAME_MAX ((size_t)256 << 10)
#define RESERVED_BITS 0x1full /* of pstate: the exception level, 0 in user mode, and the 32-bit state */

/*
 * What lies on the stack while a handler runs (arch/arm64/kernel/signal.c struct rt_sigframe). The return address is in
 * a register and is the handler's to save, perhaps signed; and where it leads is in no table (without SA_RESTORER it is
 * in the vdso, and qemu-user has a page of its own). But the kernel writes the vector registers into every frame, first
 * among what is optional, and marks them.
 */
struct signal_frame {
	siginfo_t info;
	ucontext_t context;
};

static __attribute__((no_sanitize("address"))) bool is_frame(
	const struct signal_frame *frame, const struct restorers *restorers)
{
	const mcontext_t *registers = &frame->context.uc_mcontext;
	const struct _aarch64_ctx *first = (const void *)registers->__reserved;
	uintptr_t at = (uintptr_t)frame;

	(void)restorers;
	return first->magic == FPSIMD_MAGIC && first->size == sizeof(struct fpsimd_context) &&
	       !frame->context.uc_link &&
	       registers->sp >= at + offsetof(struct signal_frame, context.uc_mcontext.__reserved) &&
	       registers->sp - at < FRAME_MAX && registers->pc != 0 && !(registers->pstate & RESERVED_BITS);
}

#endif

/* Words below other functions' locals are read, too: whatever lies there is memory of this stack. */
static bool scan(uintptr_t at, const struct restorers *restorers)
{
	uintptr_t end = at + DEPTH;
	uintptr_t readable = (at | (PAGE - 1)) + 1; /* up to here: our own frame is on this page */

	for (; at < end; at += sizeof(at)) {
		for (; readable < at + sizeof(struct signal_frame); readable += PAGE)
			if (kernel_try_read(readable))
				return false;
		if (is_frame((const void *)at, restorers))
			return true;
	}
	return false;
}

bool signal_frame_is_near(void)
{
	uintptr_t frame = deep_stack_frame((uintptr_t)__builtin_frame_address(0));
	struct restorers restorers = {{0}, 0};

	find_restorers(&restorers);
	if (restorers.count == 0)
		return false;
	return is_on_signal_stack(frame) || scan(frame, &restorers);
}

#else

bool signal_frame_is_near(void)
{
	return false;
}

#endif
