/* incident_lost.c: an incident that begins with its outcome; the flight recorder says which writes it was. */
#include "shim/verdict/incident_lost.h"

#include <errno.h>
#include <string.h>

#include "shim/base/shared.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"
#include "shim/verdict/tally.h"

/* What a write handed over; of one that was handed to io_uring the result may never have been seen (audit_late.c). */
static uint32_t bytes_of(const struct operation *operation)
{
	if (!(operation->length & OPERATION_WRITES))
		return 0;
	if (operation->result == -EINPROGRESS && !strncmp(operation->call, "uring_", 6))
		return operation->length & ~OPERATION_WRITES;
	return operation->result > 0 ? (uint32_t)operation->result : 0;
}

/*
 * Which of the last writes the lost bytes belong to: the stream's last ones. The flight recorder knows sixteen
 * operations; of more writes than that the oldest it has is the first one told of.
 */
static void count_lost_writes(struct trace_incident *incident, const struct socket *socket, uint64_t bytes)
{
	uint32_t next = shared_get(socket->next_operation);
	uint64_t count = 0;
	uint64_t found = 0;

	for (uint32_t back = 1; back <= TRACE_HISTORY && back <= next && found < bytes; back++) {
		struct operation operation;
		uint32_t taken = socket_recall(socket, next - back, &operation) ? bytes_of(&operation) : 0;

		if (!taken)
			continue;
		if (!found) {
			shared_set(incident->last_ns, operation.t_ns);
			incident_set_call(incident, operation.call);
		}
		found += taken;
		shared_set(incident->first_ns, operation.t_ns);
		count++;
	}
	shared_set(incident->count, count ? count : 1);
	shared_set(incident->bytes_offered, found > bytes ? found : bytes);
	shared_set(incident->bytes_accepted, found > bytes ? found : bytes);
}

void incident_found_lost(const struct incident_call *call, uint64_t bytes, const struct probe_tcp *tcp, int error)
{
	struct trace_incident *incident;
	bool by_close = call->verdict.kind == TRACE_LOST_ON_CLOSE;

	bytes = incident_book_loss(call->socket, bytes);
	incident = bytes ? trace_log_claim(TRACE_INCIDENT, sizeof(*incident)) : NULL;
	if (!incident)
		return;
	incident_fill(incident, call, by_close ? backtrace_capture() : 0);
	shared_set(incident->last_ns, call->t_ns);
	count_lost_writes(incident, call->socket, bytes);
	if (by_close) { /* the close is what this tells of, not the writes */
		incident_set_call(incident, call->call);
		shared_set(incident->first_ns, call->t_ns);
		shared_set(incident->last_ns, call->t_ns);
		shared_set(incident->count, 1);
	}
	shared_set(incident->retransmissions, tcp->retransmits);
	shared_set(incident->after.tcp_state, tcp->state);
	shared_set(incident->after.unsent_bytes, tcp->unacked_bytes);
	shared_set(incident->bytes_lost, bytes);
	shared_set(incident->outcome, TRACE_LOST);
	shared_set(incident->disconnect_ns, call->t_ns);
	shared_set(incident->error, error);
	trace_log_commit(incident);
	tally_count(incident);
	halt_consider(incident);
}
