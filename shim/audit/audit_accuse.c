/* audit_accuse.c: what goes with an incident: the socket's counts and end, the payload's first bytes, SIGPIPE. */
#include "shim/audit/audit_accuse.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_write.h"
#include "shim/base/config.h"
#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/shared.h"
#include "shim/socket/payload.h"
#include "shim/socket/probe.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/classify.h"
#include "shim/verdict/farewell.h"
#include "shim/verdict/incident_settle.h"

#define PREVIEW_MAX 64 /* bytes; the option allows no more */

struct incident_call audit_call_of(const struct audit_write *write)
{
	struct incident_call call = {
		.socket = write->socket,
		.record = write->socket ? write->hold.record : NULL,
		.call = write->call,
		.fd = write->fd,
		.length = payload_length(&write->payload),
		.t_ns = write->start_ns,
		.verdict = write->verdict,
		.before = write->before,
		.stack_write = write->stack,
	};

	return call;
}

static void count_write(struct trace_socket *record, uint8_t counter, int by)
{
	uint32_t *counts[] = {
		[COUNT_BEFORE_CONNECT] = &record->writes_before_connect,
		[COUNT_AFTER_PEER_CLOSE] = &record->writes_after_peer_close,
		[COUNT_AFTER_RESET] = &record->writes_after_reset,
		[COUNT_AFTER_SHUTDOWN] = &record->writes_after_shutdown,
	};

	if (counter != COUNT_NONE)
		__atomic_fetch_add(counts[counter], (uint32_t)by, __ATOMIC_RELAXED);
}

/* Puts what was seen of the end into the record, so that the incident can tell since when. */
static void note_end(struct audit_write *write)
{
	switch (write->verdict.kind) {
	case TRACE_WRITE_AFTER_PEER_CLOSE: audit_saw_peer_close(&write->hold, write->start_ns); break;
	case TRACE_WRITE_AFTER_RESET: audit_saw_reset(&write->hold, write->start_ns, 0); break;
	default: break;
	}
}

/* A seqpacket socket raises none: unix_seqpacket_sendmsg adds MSG_NOSIGNAL by what Linux 6.18 was seen to do. */
bool audit_raises_sigpipe(const struct audit_write *write)
{
	return (write->socket->protocol == TRACE_TCP || write->socket->protocol == TRACE_UNIX_STREAM) &&
	       !(write->flags & MSG_NOSIGNAL);
}

/*
 * Whether the bytes are a protocol's goodbye, which nobody misses where the peer was faster. They are looked at, not
 * kept.
 */
static uint32_t farewell_flag(const struct audit_write *write)
{
	char bytes[FAREWELL_BYTES];
	size_t known;
	uint8_t origin = shared_get(write->hold.record->origin);
	enum farewell_side side = origin == TRACE_ACCEPT    ? FAREWELL_SIDE_SERVER
				  : origin == TRACE_CONNECT ? FAREWELL_SIDE_CLIENT
							    : FAREWELL_SIDE_UNKNOWN;

	if (write->verdict.kind != TRACE_WRITE_AFTER_PEER_CLOSE && write->verdict.kind != TRACE_WRITE_AFTER_RESET)
		return 0;
	known = payload_first_bytes(&write->payload, bytes, sizeof(bytes));
	return known && farewell_recognise(bytes, known, payload_length(&write->payload), side) != FAREWELL_NONE
		       ? TRACE_INCIDENT_FAREWELL
		       : 0;
}

/* Keeps the first bytes, if that was asked for: a payload can hold secrets. */
static void look_at_payload(struct audit_write *write)
{
	char bytes[PREVIEW_MAX];
	size_t length;

	if (!write->incident || !write->fresh || !config.preview)
		return;
	length = payload_first_bytes(
		&write->payload, bytes, config.preview < sizeof(bytes) ? config.preview : sizeof(bytes));
	if (length)
		shared_set(write->incident->preview, trace_log_text(TRACE_TEXT_PREVIEW, bytes, (uint32_t)length));
}

void audit_announce(struct audit_write *write, const struct incident_call *call)
{
	write->incident = incident_announce(call, &write->fresh);
	if (write->hold.slot)
		write->hold.slot->incident = write->incident;
}

struct accusation {
	struct audit_write *write;
	bool may_kill;
};

static void accuse(void *argument)
{
	const struct accusation *accusation = argument;
	struct audit_write *write = accusation->write;
	struct incident_call call;

	write->verdict.flags |= farewell_flag(write);
	note_end(write);
	count_write(write->hold.record, write->verdict.counter, 1);
	call = audit_call_of(write);
	call.may_kill = accusation->may_kill;
	audit_announce(write, &call);
	look_at_payload(write);
}

/* With its stack, and the settling of earlier ones, an incident takes more of the program's stack than we may. */
void audit_accuse(struct audit_write *write, bool may_kill)
{
	struct accusation accusation = {write, may_kill};

	if (!deep_stack_call(accuse, &accusation))
		accuse(&accusation);
}

void audit_withdraw(struct audit_write *write, const struct incident_call *call)
{
	incident_withdraw(write->incident, call);
	write->incident = NULL;
	if (write->hold.slot)
		write->hold.slot->incident = NULL;
}

void audit_retract(struct audit_write *write)
{
	struct incident_call call = audit_call_of(write);

	call.backlog = write->backlog;
	count_write(write->hold.record, write->verdict.counter, -1);
	audit_withdraw(write, &call);
	write->verdict.kind = 0;
}

static enum trace_sigpipe sigpipe_of(const struct audit_write *write, int error)
{
	if (error != EPIPE || !write->socket || !audit_raises_sigpipe(write) || !audit_may_probe())
		return TRACE_SIGPIPE_NONE;
	return probe_sigpipe() == PROBE_SIGPIPE_IGNORED ? TRACE_SIGPIPE_NONE : TRACE_SIGPIPE_RAISED;
}

/* That the connect which was under way has failed is such an end too. */
static bool tells_of_the_end(const struct audit_write *write, int error)
{
	return write->verdict.kind == TRACE_WRITE_AFTER_PEER_CLOSE || write->verdict.kind == TRACE_WRITE_AFTER_RESET ||
	       (write->facts.connecting && classify_is_end(error));
}

void audit_refused(struct audit_write *write, int error)
{
	incident_reject(write->incident, error, sigpipe_of(write, error));
	if (tells_of_the_end(write, error) && socket_is_stream(write->socket) && !write->untold)
		audit_told(&write->hold, write->call, error);
}

struct completion {
	struct audit_write *write;
	ssize_t result;
	int error;
};

static void complete(void *argument)
{
	const struct completion *completion = argument;
	struct audit_write *write = completion->write;
	ssize_t result = completion->result;
	int error = completion->error;
	struct incident_call call = audit_call_of(write);
	struct probe_tcp tcp;

	call.backlog = write->backlog;
	if (result == 0 && call.length == 0) {
		audit_withdraw(write, &call);
	} else if (result >= 0) {
		bool is_tcp = write->socket->protocol == TRACE_TCP && probe_tcp(write->fd, &tcp) &&
			      socket_hold_is_current(&write->hold);

		incident_accept(write->incident, &call, (size_t)result, is_tcp ? &tcp : NULL);
		if (is_tcp && tcp.state == TCP_CLOSE)
			audit_saw_reset(&write->hold, kernel_now_ns(), 0);
	} else if (classify_is_retry(&write->verdict, error) ||
		   (!classify_is_end(error) && error != ENOTCONN && error != EAGAIN)) {
		audit_withdraw(write, &call);
		if (write->backlog)
			audit_silence_untold(write->socket);
	} else {
		audit_refused(write, error);
	}
}

/* With the settling of its bytes, the end of one takes too much of it as well. */
void audit_complete(struct audit_write *write, ssize_t result, int error)
{
	struct completion completion = {write, result, error};

	if (!deep_stack_call(complete, &completion))
		complete(&completion);
}
