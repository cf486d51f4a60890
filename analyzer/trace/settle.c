/*
 * settle.c: what became of calls that never returned. See lifecycle_private.h.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "analyzer/trace/lifecycle_private.h"

void lifecycle_settle(struct trace_incident *incident, const struct process *process)
{
	bool killed_by_it = process->end == PROCESS_KILLED && (process->signal == 0 || process->signal == SIGPIPE);

	if (!(incident->flags & TRACE_INCIDENT_IN_CALL))
		return;
	if (incident->sigpipe == TRACE_SIGPIPE_FATAL && killed_by_it) {
		incident->sigpipe = TRACE_SIGPIPE_FATAL;
		incident->outcome = TRACE_REJECTED;
		incident->error = EPIPE;
		return;
	}
	/* It was on record that SIGPIPE would be fatal if it came. It did not come. */
	if (incident->outcome == TRACE_REJECTED)
		incident->outcome = TRACE_UNCONFIRMED;
	incident->sigpipe = TRACE_SIGPIPE_NONE;
	incident->error = 0;
}

/* EPIPE says that the connection was over, not how; the socket's record knows more or less. */
static enum trace_kind kind_of(const struct trace_socket *socket)
{
	if (socket->shutdown_ns)
		return TRACE_WRITE_AFTER_SHUTDOWN;
	if (socket->reset_ns)
		return TRACE_WRITE_AFTER_RESET;
	if (socket->protocol != TRACE_TCP && socket->protocol != TRACE_UDP)
		return TRACE_WRITE_AFTER_PEER_CLOSE;
	return socket->connected_ns ? TRACE_WRITE_AFTER_RESET : TRACE_WRITE_BEFORE_CONNECT;
}

void lifecycle_infer(struct trace_incident *incident, const struct trace_socket *socket, trace_ref ref)
{
	uint64_t disconnect = socket->shutdown_ns ? socket->shutdown_ns
			      : socket->reset_ns  ? socket->reset_ns
						  : socket->peer_closed_ns;

	*incident = (struct trace_incident){
		.process = socket->process,
		.socket = ref,
		.kind = kind_of(socket),
		.knowledge = socket->told_ns || socket->shutdown_ns ? TRACE_TOLD : TRACE_KERNEL,
		.outcome = TRACE_REJECTED,
		.sigpipe = TRACE_SIGPIPE_FATAL,
		.flags = TRACE_INCIDENT_IN_CALL,
		.error = EPIPE,
		.fd = socket->fd,
		.count = 1,
		.first_ns = socket->in_call_ns,
		.last_ns = socket->in_call_ns,
		.disconnect_ns = disconnect,
		.told_ns = socket->told_ns,
		.stack_told = socket->stack_told,
		.stack_closed = socket->stack_shutdown,
		.stack_opened = socket->stack_opened,
	};
	if (disconnect == 0)
		incident->flags |= TRACE_INCIDENT_RACE;
	memcpy(incident->call, socket->in_call, sizeof(incident->call));
	memcpy(incident->told_call, socket->told_call, sizeof(incident->told_call));
}
