/*
 * roster.h: sign in to the run's roster (trace_format.h, "Roster file"). One open, one write, one close; safe in any
 * thread, signal handler and vforked child; does nothing where no roster is configured.
 */
#ifndef SOCKSAN_ROSTER_H
#define SOCKSAN_ROSTER_H

#include <sys/types.h>

#include "shim/trace_format.h"

/*
 * Appends an entry for `pid` (0: this process). `path` is the program's pointer, which need not be readable, or NULL.
 */
void roster_add(enum trace_roster_type type, pid_t pid, const char *path);

#endif
