/*
 * audit_late.c: writes whose result comes after the call that handed them over (io_uring). What is certain is said when it is
 * seen; where the descriptor is closed by then, or the result is never seen, nothing is claimed of what became of the bytes.
 */
#include "shim/audit.h"

#include <errno.h>

#include "shim/incident.h"
#include "shim/audit_accuse.h"

void audit_write_under_way(struct audit_write *write, trace_ref stack)
{
	if (write->closed)
		return;
	/* the program may use its buffers again before the result is seen */
	write->payload = payload_none(payload_length(&write->payload));
	write->stack = stack;
	__atomic_store_n(&write->socket->record->in_call_ns, 0, __ATOMIC_RELEASE);
	incident_under_way(write->incident);
}

void audit_write_unknown(struct audit_write *write, bool is_kept)
{
	if (write->closed)
		return;
	if (is_kept) {
		__atomic_fetch_add(&write->socket->record->writes, 1, __ATOMIC_RELAXED);
		socket_remember(write->socket, write->call, write->start_ns, payload_length(&write->payload),
			-EINPROGRESS, true);
	}
	incident_unknown(write->incident, 0);
}

static void count_bytes(const struct audit_write *write, ssize_t result)
{
	struct trace_socket *record = write->socket->record;

	__atomic_store_n(&record->in_call_ns, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&record->writes, 1, __ATOMIC_RELAXED);
	if (result > 0)
		__atomic_fetch_add(&record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
}

void audit_write_end_closed(struct audit_write *write, ssize_t result, bool is_kept)
{
	int saved = errno;
	struct incident_call call = {.length = payload_length(&write->payload), .verdict = write->verdict};

	if (is_kept && (result >= 0 || saved != ECANCELED)) {
		count_bytes(write, result);
		socket_remember(write->socket, write->call, write->start_ns, payload_length(&write->payload),
			result < 0 ? -(long)saved : result, true);
	}
	if (result >= 0)
		incident_unknown(write->incident, (size_t)result);
	else if (classify_is_end(saved) || saved == ENOTCONN)
		incident_reject(write->incident, &call, saved, TRACE_SIGPIPE_NONE);
	else
		incident_withdraw(write->incident, &call);
	incident_halt(write->incident);
	errno = saved;
}
