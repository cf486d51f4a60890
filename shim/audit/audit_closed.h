/*
 * audit_closed.h: the use of a number that this program has closed: where that was, and a second close of it. Any
 * thread, a signal handler, a forked child.
 */
#ifndef SOCKSAN_AUDIT_CLOSED_H
#define SOCKSAN_AUDIT_CLOSED_H

#include <stdint.h>

#include "shim/trace_format.h"

struct audit_close;
struct incident_call;
struct socket_hold;

/*
 * A record tells where its last descriptor was closed. Of a socket with several, the one that is used by mistake may be
 * another: so each close is noted by its number.
 */
void audit_note_close(const struct socket_hold *hold, trace_ref stack, uint64_t now_ns);

/*
 * Of a write to a closed number, which the kernel refused: the verdict, where the number was closed and, where the
 * quarantine keeps it, whom the write would have reached.
 */
void audit_judge_closed_write(struct incident_call *call);

/* The number meant a socket of ours until this program closed it; now it is closed a second time. */
void audit_double_close(struct audit_close *close);

/* This thread closes a number: whether that goes on with its run, number by number, or ends it. */
void audit_follow_run(int fd);

/* Its run has met a number that was never open: a sweep, whose double closes are taken back. */
void audit_is_a_sweep(void);

/*
 * This thread's run of closes, number by number, has ended and was no sweep: its double closes stand, and may halt the
 * process.
 */
void audit_run_is_over(void);

#endif
