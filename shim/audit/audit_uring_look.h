/*
 * audit_uring_look.h: rings that no hook sees.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_URING_LOOK_H
#define SOCKSAN_AUDIT_URING_LOOK_H

/*
 * Looks whether the process holds a ring whose submissions pass no hook, such as one of a liburing that is linked into
 * the program: its setup passes none either. The report then says so.
 */
void audit_uring_look(void);

/* io_uring is used in a way that the audit cannot follow, which the report is to say. */
void audit_used_io_uring(void);

#endif
