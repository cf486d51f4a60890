/*
 * incident_settle.h: what became of the bytes of an incident. Parts of incident.c: what the program is to call stands
 * in incident.h.
 */
#ifndef SOCKSAN_INCIDENT_SETTLE_H
#define SOCKSAN_INCIDENT_SETTLE_H

#include <stdint.h>

#include "shim/trace_format.h"

struct socket;

/*
 * Books bytes of a socket as lost, and returns how many: never more than its writes were told were accepted, whatever
 * the kernel's counters say. Those that this leaves may be of a write that has not returned yet: SOCKET_LOSS_OPEN.
 */
uint64_t incident_book_loss(struct socket *socket, uint64_t bytes);

/* The worst of what the writes of an incident met: lost, rejected, not known yet, delivered. */
void incident_update_outcome(struct trace_incident *incident);

/* The call has returned, so no SIGPIPE has killed the process. Returns how severe the incident was before this call. */
enum trace_severity incident_returned(struct trace_incident *incident);

/*
 * The call has returned `result`, bytes or minus errno, and was settled. Counts it in an incident that had been
 * `before`.
 */
void incident_finish_call(struct trace_incident *incident, enum trace_severity before, long result);

#endif
