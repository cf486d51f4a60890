/* bus_error.c: what the program has set for SIGBUS, and what stands in its place. */
#include "shim/trace/bus_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/trace/trace_log.h"

static __typeof__(sigaction) *set; /* libc's */

/* What the program has set; a change fills in the other one, so that a handler that runs meanwhile finds one whole. */
static struct sigaction settings[2];
static uint32_t current;

static const struct sigaction *theirs(void)
{
	return &settings[__atomic_load_n(&current, __ATOMIC_ACQUIRE)];
}

static void note(const struct sigaction *action)
{
	uint32_t other = !__atomic_load_n(&current, __ATOMIC_RELAXED);

	settings[other] = *action;
	__atomic_store_n(&current, other, __ATOMIC_RELEASE);
}

static bool is_handler(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* As it would have been: by the kernel, once more, when our handler has returned. */
static void hand_to_kernel(siginfo_t *info)
{
	const struct sigaction none = {.sa_handler = SIG_DFL};

	set(SIGBUS, &none, NULL);
	kernel_call4(SYS_rt_tgsigqueueinfo, kernel_call0(SYS_getpid), kernel_call0(SYS_gettid), SIGBUS, info);
}

static void hand_on(int number, siginfo_t *info, void *context)
{
	const struct sigaction none = {.sa_handler = SIG_DFL};
	struct sigaction action = *theirs();

	if (!is_handler(&action)) {
		hand_to_kernel(info);
		return;
	}
	if (action.sa_flags & (int)SA_RESETHAND)
		note(&none);
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(number, info, context);
	else
		action.sa_handler(number);
}

static void handle(int number, siginfo_t *info, void *context)
{
	if (info->si_code != BUS_ADRERR || !trace_log_replace(info->si_addr))
		hand_on(number, info, context);
}

/* Ours in place of the program's: with its mask and flags where it has a handler, so that the kernel keeps to them. */
static int install(const struct sigaction *action)
{
	struct sigaction ours = *action;

	if (action->sa_handler == SIG_IGN)
		return set(SIGBUS, action, NULL);
	if (!is_handler(action)) {
		sigemptyset(&ours.sa_mask);
		ours.sa_flags = SA_ONSTACK | SA_RESTART;
	}
	ours.sa_flags = (ours.sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
	ours.sa_sigaction = handle;
	return set(SIGBUS, &ours, NULL);
}

void bus_error_guard(__typeof__(sigaction) *real)
{
	struct sigaction now;

	if (process_is_borrowed() || real(SIGBUS, NULL, &now) != 0 || now.sa_sigaction == handle ||
		now.sa_handler == SIG_IGN)
		return;
	set = real;
	note(&now);
	install(&now);
}

/* Where ours does not stand there, the program may have set another one by a call that no hook sees. */
int bus_error_action(__typeof__(sigaction) *real, const struct sigaction *action, struct sigaction *before)
{
	struct sigaction had;
	struct sigaction wanted;
	bool is_ours = real(SIGBUS, NULL, &had) == 0 && had.sa_sigaction == handle;
	int result = 0;

	if (!is_ours)
		return real(SIGBUS, action, before);
	had = *theirs();
	if (action && process_is_borrowed()) { /* the child's own; what is noted is its parent's */
		result = real(SIGBUS, action, NULL);
	} else if (action) {
		wanted = *action; /* the two may be one */
		result = install(&wanted);
		if (result == 0)
			note(&wanted);
	}
	if (before && result == 0)
		*before = had;
	return result;
}

bool bus_error_is_ours_alone(uintptr_t handler)
{
	return handler == (uintptr_t)handle && !is_handler(theirs());
}
