/* deep_stack.c: a few words of assembly, and who holds which stack. */
#include "shim/base/deep_stack.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "shim/base/kernel.h"
#include "shim/base/pages.h"

#define STACKS 4u
#define STACK_BYTES (64u << 10) /* dlopen of the unwinder, the deepest of all, was seen to take 9 KiB (glibc 2.36) */
#define GUARD_BYTES 4096u
#define PATIENCE 100 /* pauses of 50 microseconds */

static char *stacks; /* STACKS of them, the lowest page of each a guard; NULL where there are none */
static uint32_t taken[STACKS];
static uintptr_t callers[STACKS]; /* who took it: a frame of the thread's own stack */

/*
 * Calls function(argument) with the stack pointer at `top`, which is aligned to 16. The frame address keeps the
 * caller's stack, as in any function that has one; calls and returns are balanced, as a shadow stack wants them.
 */
void deep_stack_enter(void (*function)(void *), void *argument, void *top) __attribute__((visibility("hidden")));

#if defined(__x86_64__)
__asm__(".text\n"
	".hidden deep_stack_enter\n"
	".type deep_stack_enter, @function\n"
	"deep_stack_enter:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	mov %rdx, %rsp\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	leave\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size deep_stack_enter, . - deep_stack_enter\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".hidden deep_stack_enter\n"
	".type deep_stack_enter, %function\n"
	"deep_stack_enter:\n"
	"	.cfi_startproc\n"
	"	hint #34\n" /* bti c */
	"	stp x29, x30, [sp, #-16]!\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset 29, -16\n"
	"	.cfi_offset 30, -8\n"
	"	mov x29, sp\n"
	"	.cfi_def_cfa_register 29\n"
	"	mov sp, x2\n"
	"	mov x9, x0\n"
	"	mov x0, x1\n"
	"	blr x9\n"
	"	mov sp, x29\n"
	"	.cfi_def_cfa_register 31\n"
	"	ldp x29, x30, [sp], #16\n"
	"	.cfi_def_cfa_offset 0\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size deep_stack_enter, . - deep_stack_enter\n");
#else
#error "no switch of stacks is written for this architecture yet"
#endif

/*
 * ThreadSanitizer's, where the program has it (sanitizer/tsan_interface.h). It does not see that `taken` orders what
 * two threads do to one stack, and holds what libunwind's calls to libc write there for a race of the program's.
 */
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

static char *stack_at(unsigned index)
{
	return stacks + (size_t)index * STACK_BYTES;
}

void deep_stack_set_up(void)
{
	stacks = pages_map(STACKS * STACK_BYTES);
	for (unsigned i = 0; stacks && i < STACKS; i++)
		kernel_call3(SYS_mprotect, stack_at(i), GUARD_BYTES, PROT_NONE);
}

bool deep_stack_has(uintptr_t address)
{
	return stacks && address - (uintptr_t)stacks < (uintptr_t)STACKS * STACK_BYTES;
}

uintptr_t deep_stack_frame(uintptr_t frame)
{
	return deep_stack_has(frame) ? callers[(frame - (uintptr_t)stacks) / STACK_BYTES] : frame;
}

/* Returns the number of a stack, or STACKS where none comes free. */
static unsigned take(void)
{
	struct timespec pause = {0, 50000};

	for (int i = 0; i < PATIENCE; i++) {
		for (unsigned at = 0; at < STACKS; at++)
			if (!__atomic_exchange_n(&taken[at], 1, __ATOMIC_ACQUIRE))
				return at;
		kernel_call2(SYS_nanosleep, &pause, NULL);
	}
	return STACKS;
}

bool deep_stack_call(void (*function)(void *argument), void *argument)
{
	const uint64_t blocked = KERNEL_SIGNALS_BLOCKED;
	uint64_t before;
	unsigned at;

	if (deep_stack_has((uintptr_t)__builtin_frame_address(0))) {
		function(argument);
		return true;
	}
	/* before a stack is taken: a handler that left by a jump would keep it */
	if (!stacks || kernel_call4(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof(before)) < 0)
		return false;
	at = take();
	if (at < STACKS) {
		callers[at] = (uintptr_t)__builtin_frame_address(0);
		if (__tsan_acquire)
			__tsan_acquire(&taken[at]);
		deep_stack_enter(function, argument, stack_at(at) + STACK_BYTES);
		if (__tsan_release)
			__tsan_release(&taken[at]);
		__atomic_store_n(&taken[at], 0, __ATOMIC_RELEASE);
	}
	kernel_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return at < STACKS;
}

void deep_stack_forked(void)
{
	for (unsigned i = 0; i < STACKS; i++)
		__atomic_store_n(&taken[i], 0, __ATOMIC_RELEASE);
}
