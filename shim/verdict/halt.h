/*
 * halt.h: halt_on_error=1, the end of the process at its first error.
 *
 * What is an error is decided by trace_severity (trace_kinds.h), as in the report. An incident is marked when its facts
 * make it an error and nothing that is still to come can make it less: where the program's call has returned, where the
 * kernel's account of accepted bytes turns to the worse, where a run of closes is known to be no sweep. The process
 * ends when the audit of the call that brought this out is done, so that the trace has all of it.
 *
 * Any thread, any signal handler; keeps errno.
 */
#ifndef SOCKSAN_HALT_H
#define SOCKSAN_HALT_H

#include <stddef.h>

#include "shim/trace_format.h"

/* The first incident that is an error, or NULL. */
extern const struct trace_incident *halt_due __attribute__((visibility("hidden")));

/*
 * The facts of this incident, which may be NULL, are final or can only grow worse: it is marked if they make it an
 * error.
 */
void halt_consider(const struct trace_incident *incident);

/* Says so on standard error, and ends the process with the status of the option `exitcode`. */
__attribute__((cold)) void halt_now(void);

/* At the end of every audit that may have marked one, and at the end of the process. */
static inline void halt_if_due(void)
{
	if (__builtin_expect(halt_due != NULL, 0))
		halt_now();
}

/* In a forked child, whose incidents are its own. */
void halt_forked(void);

#endif
