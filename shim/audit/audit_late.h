/*
 * audit_late.h: writes whose result comes after the call that handed them over.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_LATE_H
#define SOCKSAN_AUDIT_LATE_H

#include <sys/types.h>

#include "shim/trace_format.h"

struct audit_write;

/* The call that handed it over returns, and the write is under way. `stack`: of that call. */
void audit_write_under_way(struct audit_write *write, trace_ref stack);

/* Instead of audit_write_end: the result will not be seen. */
void audit_write_unknown(struct audit_write *write);

/* Instead of it: the result is this connection's for certain, but the descriptor does not mean it any more. */
void audit_write_end_closed(struct audit_write *write, ssize_t result);

/*
 * Instead of it: the descriptor does not mean the connection any more, and may have meant another one when the call was
 * made. What was announced stays, and nothing is said of what became of it; the result is booked on no connection.
 */
void audit_write_end_stale(struct audit_write *write, ssize_t result);

#endif
