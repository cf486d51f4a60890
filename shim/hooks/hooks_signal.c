/* hooks_signal.c: the calls that say what is to become of SIGBUS (bus_error.h); all other signals are the program's. */
#include <signal.h>
#include <stddef.h>

#include "shim/base/hook.h"
#include "shim/trace/bus_error.h"

HOOK(int, sigaction, int sig, const struct sigaction *act, struct sigaction *oact)
{
	return sig == SIGBUS ? bus_error_action(REAL(sigaction), act, oact) : REAL(sigaction)(sig, act, oact);
}
HOOK_ALIAS(sigaction, __sigaction);

/* As BSD had it (signal/bsd_signal, sysdeps/posix/signal.c). */
HOOK(__sighandler_t, signal, int sig, __sighandler_t handler)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct sigaction before;

	if (sig != SIGBUS || handler == SIG_ERR)
		return REAL(signal)(sig, handler);
	sigaddset(&action.sa_mask, SIGBUS);
	return bus_error_action(REAL(sigaction), &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}
