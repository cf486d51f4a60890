/*
 * hooks_jump.c: longjmp and its like. A signal handler that leaves by one leaves the calls that it has interrupted,
 * some of them ours: what those had under way is given back just before. Jumps that pass no hook (exceptions, a
 * coroutine's own assembly) are found out by a later call (thread.h).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_process.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/thread.h"

/* The stack pointer that a jump will set; 0 where it is not known how libc keeps it. */
static uintptr_t stack_after(const struct __jmp_buf_tag *env)
{
#if defined(__x86_64__) && defined(__GLIBC__)
	/* sysdeps/x86_64/jmpbuf-offsets.h JB_RSP, sysdeps/unix/sysv/linux/x86_64/pointer_guard.h PTR_MANGLE */
	uint64_t mangled = (uint64_t)env->__jmpbuf[6];
	uint64_t guard;

	__asm__("mov %%fs:0x30, %0" : "=r"(guard));
	return (uintptr_t)((mangled >> 17 | mangled << 47) ^ guard);
#else
	(void)env;
	return 0;
#endif
}

/* Nobody will know these numbers: hooks_open.c. */
static void close_made(uintptr_t stack)
{
	int saved = errno;

	/* left before, by a jump that passed no hook: the numbers may be anybody's by now */
	if (thread_state.made && (thread_is_left((uintptr_t)thread_state.made, (uintptr_t)__builtin_frame_address(0)) ||
					 thread_state.made->self != thread_state.made))
		thread_state.made = NULL;
	while (thread_state.made && thread_is_left((uintptr_t)thread_state.made, stack)) {
		const struct thread_made *made = thread_state.made;

		thread_state.made = made->outer && made->outer->self == made->outer ? made->outer : NULL;
		for (int i = 0; i < 2; i++) {
			if (made->fds[i] < 0)
				continue;
			audit_close_many("siglongjmp", (unsigned)made->fds[i], (unsigned)made->fds[i]);
			kernel_call1(SYS_close, made->fds[i]);
		}
	}
	errno = saved;
}

static void leave(const struct __jmp_buf_tag *env)
{
	uintptr_t stack = stack_after(env);

	if (!stack)
		return;
	audit_left(stack);
	close_made(stack);
	if (thread_state.inside && thread_is_left(thread_state.inside, stack))
		thread_leave_by_jump();
}

HOOK(void, longjmp, struct __jmp_buf_tag env[1], int val)
{
	leave(env);
	REAL(longjmp)(env, val);
	__builtin_unreachable();
}
HOOK_ALIAS(longjmp, _longjmp);
HOOK_ALIAS(longjmp, siglongjmp);

void __longjmp_chk(struct __jmp_buf_tag env[1], int val) __attribute__((noreturn));

HOOK(void, __longjmp_chk, struct __jmp_buf_tag env[1], int val)
{
	leave(env);
	REAL(__longjmp_chk)(env, val);
	__builtin_unreachable();
}
