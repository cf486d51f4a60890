/*
 * bus_error.h: a trace that somebody truncates while it is mapped.
 *
 * A page that lies behind the end of its file raises SIGBUS when it is touched, also where it had been there before
 * (mm/memory.c unmap_mapping_range). Nothing but a system call for every store would avoid that (process_vm_writev
 * answers EFAULT, and takes as long as three polls). So from the first trace on SIGBUS has a handler of ours: where it
 * was the trace, memory takes the place of the page, and the program goes on. All others are handed to the program as
 * it has asked for them, and what it asks for is what it is told it has.
 *
 * Not where nobody else has to do with the trace: in a temporary directory of `socksan run` (option handle_sigbus).
 * /proc/PID/status shows that the signal is caught, and nothing else does.
 *
 * Not where the program ignores SIGBUS, since what it executes inherits that; and not for a thread that blocks it: the
 * kernel ends the process then (kernel/signal.c force_sig_info_to_task).
 */
#ifndef SOCKSAN_BUS_ERROR_H
#define SOCKSAN_BUS_ERROR_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Begins, where it has not. When a trace was mapped, by whatever thread or signal handler; `real` is libc's function,
 * here and in what follows.
 */
void bus_error_guard(__typeof__(sigaction) *real);

/* sigaction(SIGBUS, ...), for the program: returns what it returns, and sets errno as it does. */
int bus_error_action(__typeof__(sigaction) *real, const struct sigaction *action, struct sigaction *before);

/* Whether this handler of SIGBUS is ours, and the program has set none for it to go on to. */
bool bus_error_is_ours_alone(uintptr_t handler);

#endif
