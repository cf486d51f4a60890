/*
 * audit_late.c: writes whose result comes after the call that handed them over (io_uring). What is certain is said when
 * it is seen; where the descriptor is closed by then, or the result is never seen, nothing is claimed of what became of
 * the bytes.
 */
#include "shim/audit/audit_late.h"

#include <errno.h>

#include "shim/audit/audit_accuse.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_write.h"
#include "shim/socket/payload.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/verdict/classify.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"

void audit_write_under_way(struct audit_write *write, trace_ref stack)
{
	if (write->closed || !socket_hold_is_ours(&write->hold))
		return;
	/* the program may use its buffers again before the result is seen */
	write->payload = payload_none(payload_length(&write->payload));
	write->stack = stack;
	__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
	incident_under_way(write->incident);
}

void audit_write_unknown(struct audit_write *write)
{
	if (!write->closed && socket_hold_is_ours(&write->hold)) {
		__atomic_fetch_add(&write->hold.record->writes, 1, __ATOMIC_RELAXED);
		socket_remember(write->hold.socket, write->call, write->start_ns, payload_length(&write->payload),
			-EINPROGRESS, true);
		incident_unknown(write->incident, 0);
	}
	socket_release(&write->hold);
}

static void end_closed(struct audit_write *write, ssize_t result, int error)
{
	struct incident_call call = {.length = payload_length(&write->payload), .verdict = write->verdict};

	if (result >= 0 || error != ECANCELED) {
		audit_write_count(write, result);
		socket_remember(write->hold.socket, write->call, write->start_ns, payload_length(&write->payload),
			result < 0 ? -(long)error : result, true);
	}
	if (result >= 0)
		incident_unknown(write->incident, (size_t)result);
	else if (classify_is_end(error) || error == ENOTCONN)
		incident_reject(write->incident, error, TRACE_SIGPIPE_NONE);
	else
		audit_withdraw(write, &call);
	halt_consider(write->incident);
}

void audit_write_end_closed(struct audit_write *write, ssize_t result)
{
	int saved = errno;

	if (socket_hold_is_ours(&write->hold))
		end_closed(write, result, saved);
	halt_if_due();
	socket_release(&write->hold);
	errno = saved;
}

void audit_write_end_stale(struct audit_write *write, ssize_t result)
{
	int saved = errno;

	if (result >= 0 || (saved != EAGAIN && saved != EINTR)) /* those did nothing to any connection */
		audit_result_is_stale();
	if (socket_hold_is_ours(&write->hold)) {
		__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
		/* one that refused all of it changed nothing, whichever connection it was */
		if (write->verdict.kind && result < 0)
			audit_retract(write);
		else
			incident_unknown(write->incident, 0);
	}
	write->incident = NULL;
	socket_release(&write->hold);
	errno = saved;
}
