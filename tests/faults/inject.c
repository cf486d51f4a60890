/*
 * inject.c: a kernel that fails the shim, and never the program: every system call of the shim's own comes by here in
 * libsocksan-fault.so. SOCKSAN_FAULT says which one fails, and how:
 *
 *	N:ERRNO		the N-th of the process, with this errno
 *	N+:ERRNO	the N-th and all that follow
 *	N:short		the N-th that writes, with half of its bytes written
 *
 * A child that was forked goes on counting. When it has happened the file that SOCKSAN_FAULT_MARK names exists: a test
 * tries one N after the other until a run comes to its end before the N-th call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "shim/base/kernel.h"

long kernel_call_faulty(long number, long a, long b, long c, long d, long e, long f)
	__attribute__((visibility("hidden")));

static struct {
	long at; /* 0: not looked at yet, -1: nothing is to fail */
	bool all;
	bool shortly;
	long error;
	long made;
} fault;

static void look_up(void)
{
	const char *text = getenv("SOCKSAN_FAULT");
	char *end;

	fault.at = text ? strtol(text, &end, 10) : -1;
	if (!text)
		return;
	fault.all = *end == '+';
	end += fault.all;
	fault.shortly = !strcmp(end, ":short");
	fault.error = fault.shortly ? 0 : strtol(end + 1, NULL, 10);
}

static void leave_mark(void)
{
	const char *path = getenv("SOCKSAN_FAULT_MARK");
	long fd = path ? kernel_call_now(SYS_openat, AT_FDCWD, (long)path, O_CREAT | O_WRONLY, 0600, 0, 0) : -1;

	if (fd >= 0)
		kernel_call_now(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* Whether it is this call's turn. Those that have no way to fail are not counted. */
static bool is_to_fail(long number)
{
	long made;

	if (number == SYS_getpid || number == SYS_getppid || number == SYS_gettid || number == SYS_sched_yield ||
		number == SYS_exit_group || number == SYS_rt_sigprocmask /* of masks of our own */)
		return false;
	if (fault.at == 0)
		look_up();
	if (fault.at < 0 || (fault.shortly && number != SYS_write))
		return false;
	made = __atomic_add_fetch(&fault.made, 1, __ATOMIC_RELAXED);
	return made == fault.at || (fault.all && made > fault.at);
}

/* A close and a munmap take effect even where they say that they failed. */
static bool takes_effect(long number)
{
	return number == SYS_close || number == SYS_munmap;
}

long kernel_call_faulty(long number, long a, long b, long c, long d, long e, long f)
{
	if (!is_to_fail(number))
		return kernel_call_now(number, a, b, c, d, e, f);
	leave_mark();
	if (fault.shortly)
		return kernel_call_now(number, a, b, c / 2, d, e, f);
	if (takes_effect(number))
		kernel_call_now(number, a, b, c, d, e, f);
	return -fault.error;
}
