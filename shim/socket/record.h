/*
 * record.h: the socket's record in the trace: made, renewed after a fork, given back when a clean connection is over.
 */
#ifndef SOCKSAN_RECORD_H
#define SOCKSAN_RECORD_H

#include <stdbool.h>

#include "shim/socket/socket_hold.h"

/*
 * Gives a socket that is new to this process a record, and opens the trace where it is the first. Where no record can
 * be made the socket gets a stand-in, and later calls try again. Not in a borrowed process. Keeps errno.
 */
void record_make(struct socket *socket, int fd, enum trace_origin origin);

/* Whether the record is this process's own: not inherited by fork, not the stand-in. */
bool record_is_current(const struct socket *socket);

/*
 * Makes the record of a socket that is held this process's own where it is not, and the hold's. Cheap where it is. An
 * inherited socket's record tells what this process did with it; addresses and origin are taken over.
 */
void record_renew(struct socket_hold *hold);

/*
 * The socket's connection is over, and its next use begins: with a connect, or (TRACE_SOCKET_CALL) as after socket().
 * The hold is of that one.
 */
void record_continue(struct socket_hold *hold, enum trace_origin origin);

/* Nothing means this socket and nobody holds it any more: a clean record may be used again once the trace fills up. */
void record_release(struct socket *socket);

/* Fills in what is still unknown of the addresses. After a reset the kernel no longer tells: ask in time. */
void record_addresses(struct trace_socket *record, int fd);

/* The same, its own anew: a connect or a listen has given it one. `fd` -1: the kernel may not be asked. */
void record_addresses_anew(struct trace_socket *record, int fd);

/* The peer is this one, by a sockaddr that the kernel has accepted. Returns whether it names one. */
bool record_peer(struct trace_socket *record, const void *address, uint32_t length);

/* What an accepted connection has of the socket that listens. */
void record_inherit_options(struct trace_socket *to, const struct trace_socket *from);

/* In a forked child: nothing to use again. */
void record_forked(void);

#endif
