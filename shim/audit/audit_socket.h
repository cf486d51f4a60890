/*
 * audit_socket.h: sockets that are new to the table, for audit_open.c, which is told of them, and audit_socket.c, which
 * finds them. Any thread, a signal handler, a forked child.
 */
#ifndef SOCKSAN_AUDIT_SOCKET_H
#define SOCKSAN_AUDIT_SOCKET_H

#include "shim/audit/audit.h"

/* What socket() makes of these, as enum trace_protocol. */
uint8_t audit_protocol_of(int family, int type, int protocol);

/* A socket with its identity, not in the table yet. NULL where it is none of ours, which the table then knows. */
struct socket *audit_new_socket(int fd, uint8_t protocol);

/*
 * Once a new socket is in the table, sometimes: looks for rings. Programs that make rings make them early; and many are
 * killed rather than end.
 */
void audit_look_now_and_then(void);

#endif
