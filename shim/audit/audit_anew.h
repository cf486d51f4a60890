/*
 * audit_anew.h: a TCP socket that its program takes apart and uses again.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_ANEW_H
#define SOCKSAN_AUDIT_ANEW_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct socket_hold;

/*
 * Before a connect: a last look at a connection that it dissolves. After one that succeeded: whether it dissolved one,
 * which then has a new record. After a shutdown that succeeded: whether it has shut nothing, since the socket was
 * listening or connecting and is as good as new now.
 */
void audit_dissolve_begin(struct socket_hold *hold, const void *address, uint32_t length);
bool audit_dissolved(struct socket_hold *hold, const void *address, uint32_t length);
bool audit_shutdown_dissolves(const struct socket_hold *hold);

/*
 * Ends the record of a connection that is over, and begins one for what its socket is used for next; the hold is of
 * that one.
 */
void audit_begin_anew(struct socket_hold *hold, enum trace_origin origin);

#endif
