/*
 * incident_settle.h: what became of the call of an incident, and of its bytes: at once where the call returns, or when
 * the kernel tells, at a later event, at the close, at the exit. Any thread, any signal handler; keeps errno.
 */
#ifndef SOCKSAN_INCIDENT_SETTLE_H
#define SOCKSAN_INCIDENT_SETTLE_H

#include <stddef.h>
#include <stdint.h>

#include "shim/socket/probe.h"
#include "shim/verdict/incident.h"

/* The call failed with `error`; `sigpipe` says whether it raised one. */
void incident_reject(struct trace_incident *incident, int error, enum trace_sigpipe sigpipe);

/*
 * The call accepted `accepted` bytes. `tcp` is the kernel's account after it, NULL where there is none: what an AF_UNIX
 * socket accepted is in the peer's queue; of a TCP socket that was closed meanwhile nobody knows.
 */
void incident_accept(struct trace_incident *incident, const struct incident_call *call, size_t accepted,
	const struct probe_tcp *tcp);

/* Settles what is pending on a socket, as far as the kernel's account tells. */
void incident_settle(struct socket *socket, const struct probe_tcp *tcp);

/*
 * Books bytes of a socket as lost, and returns how many: never more than its writes were told were accepted, whatever
 * the kernel's counters say. Those that this leaves may be of a write that has not returned yet: SOCKET_LOSS_OPEN.
 */
uint64_t incident_book_loss(struct socket *socket, uint64_t bytes);

#endif
