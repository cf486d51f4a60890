/*
 * audit_fate.c: what became of the bytes: pending ones, those that a silent peer never acknowledges, those that the end
 * of the connection or the program's own close threw away.
 *
 * The kernel's account is one of a stream: so many bytes acknowledged, so many waiting (SIOCOUTQ). It is asked at a
 * bounded rate, at the first observation of an end, and before a close.
 */
#include "shim/audit/audit_fate.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/config.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/classify_lost.h"
#include "shim/verdict/incident_lost.h"
#include "shim/verdict/incident_settle.h"

#define SETTLE_INTERVAL_NS 1000000u
#define TICKS_NS 50000000u /* some ticks of the slowest clock that a kernel has (HZ=100) */
#define SAMPLE_INTERVAL_NS 200000000u /* the shortest retransmission timeout (TCP_RTO_MIN, include/net/tcp.h) */

static uint64_t last_fork_ns;
static uint64_t last_spawn_ns;

void audit_shared_by_fork(void)
{
	shared_set(last_fork_ns, kernel_now_ns());
}

void audit_shared_by_spawn(void)
{
	shared_set(last_spawn_ns, kernel_now_ns());
}

static bool survives_exec(int fd)
{
	return !(kernel_call3(SYS_fcntl, fd, F_GETFD, 0) & FD_CLOEXEC);
}

bool audit_may_be_shared(const struct socket_hold *hold)
{
	const struct socket *socket = hold->socket;
	const struct trace_socket *record = hold->record;

	return record->opened_ns <= shared_get(last_fork_ns) ||
	       (record->opened_ns <= shared_get(last_spawn_ns) && survives_exec(hold->fd)) ||
	       __atomic_load_n(&socket->in_flight, __ATOMIC_ACQUIRE) > 0 ||
	       shared_get(record->origin) == TRACE_INHERITED || shared_get(record->origin) == TRACE_PASSED ||
	       shared_get(socket->state) & SOCKET_SHARED;
}

/* Bytes that wait for an acknowledgement, a FIN of our own not counted (RFC 9293 section 3.4: it takes one number). */
static uint32_t waiting_bytes(const struct socket *socket, uint32_t unacked)
{
	return unacked && shared_get(socket->shutdown_write) ? unacked - 1 : unacked;
}

void audit_saw_peer_close(const struct socket_hold *hold, uint64_t now_ns)
{
	shared_set_first(&hold->record->peer_closed_ns, now_ns);
}

/* The kernel's account of a TCP connection that is held, and of no other one. */
static bool account_of(const struct socket_hold *hold, struct probe_tcp *tcp)
{
	return audit_may_probe() && probe_tcp(hold->fd, tcp) && audit_verify(hold);
}

/* Whether the socket is shared, which may cost a call, is asked only where something would be told. */
static struct classify_lost_facts facts_of(const struct socket_hold *hold, const struct probe_tcp *tcp)
{
	const struct socket *socket = hold->socket;
	struct classify_lost_facts facts = {
		.waiting = waiting_bytes(socket, tcp->unacked_bytes),
		.unsent = waiting_bytes(socket, tcp->unsent_bytes),
		.unsent_known = probe_knows_acked(tcp),
		.retransmits = tcp->retransmits,
		.told = shared_get(socket->lost_reported),
		.silent = shared_get(socket->state) & SOCKET_SILENT,
	};

	facts.shared = facts.waiting > facts.told && audit_may_be_shared(hold);
	return facts;
}

/* The connection is over with bytes unacknowledged. Those of incidents are settled; the others are told of now. */
static void account_for_loss(const struct socket_hold *hold, uint64_t now_ns, int error)
{
	struct socket *socket = hold->socket;
	struct incident_call call = {
		.socket = socket, .record = hold->record, .call = "", .fd = hold->fd, .t_ns = now_ns};
	struct classify_lost_facts facts;
	struct probe_tcp tcp;
	uint32_t bytes;

	if (socket->protocol != TRACE_TCP || !(shared_get(socket->state) & SOCKET_CONNECTED) ||
		!account_of(hold, &tcp) || tcp.state != TCP_CLOSE)
		return;
	incident_settle(socket, &tcp);
	facts = facts_of(hold, &tcp);
	facts.error = error;
	call.verdict = classify_lost(&facts, &bytes);
	if (!call.verdict.kind)
		return;
	if (call.verdict.kind == TRACE_WRITE_TO_SILENT_PEER)
		call.silent_since_ns = shared_get(socket->unacked_since_ns);
	incident_found_lost(&call, bytes, &tcp, error == EIO ? 0 : error);
}

void audit_loss_goes_on(const struct socket_hold *hold, uint64_t now_ns)
{
	__atomic_fetch_and(&hold->socket->state, ~(uint32_t)SOCKET_LOSS_OPEN, __ATOMIC_RELAXED);
	if (record_is_current(hold->socket))
		account_for_loss(hold, now_ns, 0);
}

void audit_saw_reset(const struct socket_hold *hold, uint64_t now_ns, int error)
{
	if (shared_set_first(&hold->record->reset_ns, now_ns) && record_is_current(hold->socket))
		account_for_loss(hold, now_ns, error);
}

void audit_settle(const struct socket_hold *hold, bool now)
{
	struct socket *socket = hold->socket;
	uint64_t now_ns = kernel_now_ns();
	struct probe_tcp tcp;

	if (!audit_may_probe() || (!now && now_ns - shared_get(socket->settled_ns) < SETTLE_INTERVAL_NS))
		return;
	shared_set(socket->settled_ns, now_ns);
	if (!record_is_current(socket) || !account_of(hold, &tcp))
		return;
	incident_settle(socket, &tcp);
	if (tcp.state == TCP_CLOSE)
		audit_saw_reset(hold, now_ns, 0);
}

/* ---- silence ---- */

static struct audit_silence remembered(const struct socket *socket)
{
	return (struct audit_silence){
		.silent = shared_get(socket->state) & SOCKET_SILENT,
		.since_ns = shared_get(socket->unacked_since_ns),
	};
}

static void end_silence(struct socket *socket, uint64_t now_ns)
{
	shared_set(socket->unacked_since_ns, now_ns);
	__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_SILENT, __ATOMIC_RELAXED);
}

/*
 * The peer's TCP last acknowledged at this time, which the kernel gives in ticks: it comes out a little different each
 * time.
 */
static void heard(struct socket *socket, uint64_t acked_ns)
{
	if (acked_ns > shared_get(socket->unacked_since_ns) + TICKS_NS)
		end_silence(socket, acked_ns);
	else if (acked_ns > shared_get(socket->unacked_since_ns))
		shared_set(socket->unacked_since_ns, acked_ns);
}

struct audit_silence audit_silence(const struct socket_hold *hold, uint64_t now_ns)
{
	struct socket *socket = hold->socket;
	struct audit_silence silence;
	struct probe_tcp tcp;

	if (!config.silent_after_ms || now_ns - shared_get(socket->sampled_ns) < SAMPLE_INTERVAL_NS)
		return remembered(socket);
	/* nothing waits: this write is the oldest there is */
	if (!shared_get(socket->sampled_ns) || (probe_unacked(hold->fd) == 0 && socket_hold_is_current(hold))) {
		shared_set(socket->sampled_ns, now_ns);
		end_silence(socket, now_ns);
		return remembered(socket);
	}
	shared_set(socket->sampled_ns, now_ns);
	if (!account_of(hold, &tcp))
		return remembered(socket);
	if (tcp.retransmits && !probe_knows_acked(&tcp))
		return remembered(socket);
	heard(socket, now_ns - (uint64_t)tcp.last_ack_ms * 1000000u);
	if (!classify_is_silent(
		    tcp.retransmits, now_ns - shared_get(socket->unacked_since_ns), config.silent_after_ms)) {
		if (shared_get(socket->state) & SOCKET_PENDING)
			incident_settle(socket, &tcp);
		return remembered(socket);
	}
	silence = remembered(socket);
	/* the first write that finds out tells of all that waits already */
	silence.backlog = silence.silent ? 0 : waiting_bytes(socket, tcp.unacked_bytes);
	silence.silent = true;
	silence.retransmissions = tcp.retransmits;
	__atomic_fetch_or(&socket->state, SOCKET_SILENT, __ATOMIC_RELAXED);
	return silence;
}

void audit_silence_untold(struct socket *socket)
{
	__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_SILENT, __ATOMIC_RELAXED);
}

/* ---- the close ---- */

static void look_last(const struct socket_hold *hold, const char *call, uint64_t now_ns, uint32_t how)
{
	struct socket *socket = hold->socket;
	struct incident_call incident = {
		.socket = socket, .record = hold->record, .call = call, .fd = hold->fd, .t_ns = now_ns};
	struct classify_lost_facts facts;
	struct probe_tcp tcp;
	uint32_t waiting, bytes;

	if (shared_get(socket->state) & SOCKET_PENDING)
		audit_settle(hold, true);
	if (socket->protocol != TRACE_TCP || !(shared_get(socket->state) & SOCKET_CONNECTED) || !audit_may_probe())
		return;
	waiting = waiting_bytes(socket, probe_unacked(hold->fd));
	if (!socket_hold_is_current(hold))
		return;
	shared_set(hold->record->bytes_unacked_at_close, waiting);
	if (!waiting || waiting <= shared_get(socket->lost_reported) || !account_of(hold, &tcp))
		return;
	if (tcp.state == TCP_CLOSE) {
		audit_saw_reset(hold, now_ns, 0);
		return;
	}
	facts = facts_of(hold, &tcp);
	facts.how = how;
	facts.unread = !how && !facts.shared && probe_readable_bytes(hold->fd) > 0;
	incident.verdict = classify_lost_on_close(&facts, &bytes);
	if (!incident.verdict.kind || !socket_hold_is_current(hold))
		return;
	shared_set(hold->record->closed_ns, now_ns);
	incident_found_lost(&incident, bytes, &tcp, 0);
}

void audit_last_look(const struct socket_hold *hold, const char *call, uint64_t now_ns)
{
	look_last(hold, call, now_ns, shared_get(hold->socket->state) & SOCKET_LINGER_ZERO ? TRACE_INCIDENT_LINGER : 0);
}

void audit_look_before_connect(const struct socket_hold *hold, uint64_t now_ns)
{
	look_last(hold, "connect", now_ns, TRACE_INCIDENT_DISSOLVED);
}
