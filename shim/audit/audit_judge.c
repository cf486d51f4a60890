/*
 * audit_judge.c: what the kernel says of a connection before a write on it.
 *
 * A connected stream is asked by one poll. Only where that, or what is known already, makes the write suspect is more
 * asked: the cookie, and TCP_INFO.
 */
#include "shim/audit/audit_judge.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "shim/audit/audit_accuse.h"
#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_write.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/verdict/classify.h"
#include "shim/verdict/classify_lost.h"
#include "shim/verdict/incident_settle.h"

void audit_collect_facts(struct audit_write *write)
{
	const struct socket *socket = write->socket;
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_ACQUIRE);
	struct classify_facts *facts = &write->facts;

	memset(facts, 0, sizeof(*facts));
	facts->protocol = socket->protocol;
	facts->connected = state & SOCKET_CONNECTED;
	facts->connecting = state & SOCKET_CONNECTING;
	facts->fast_open = (state & (SOCKET_FAST_OPEN | SOCKET_CONNECTING)) == (SOCKET_FAST_OPEN | SOCKET_CONNECTING) ||
			   write->flags & MSG_FASTOPEN;
	facts->own_shutdown_write = __atomic_load_n(&socket->shutdown_write, __ATOMIC_ACQUIRE);
	facts->own_shutdown_read = shared_get(socket->shutdown_read);
	facts->told = state & SOCKET_TOLD;
}

void audit_found_connected(struct audit_write *write)
{
	socket_set_connected(write->socket, write->start_ns);
	write->facts.connecting = false;
	write->facts.connected = true;
}

/* Asks for the state behind a suspicion. Returns whether there is one to judge. */
static bool look_closer(struct audit_write *write)
{
	struct socket *socket = write->socket;
	struct probe_tcp tcp;

	if (socket->protocol != TRACE_TCP)
		return true;
	if (!probe_tcp(write->fd, &tcp) || !socket_hold_is_current(&write->hold))
		return false;
	write->before.tcp_state = write->facts.tcp_before = tcp.state;
	write->before.retransmits = tcp.retransmits;
	write->before.unsent_bytes = tcp.unacked_bytes;
	if (tcp.state == TCP_CLOSE && !write->facts.own_shutdown_write && write->facts.connected)
		audit_saw_reset(&write->hold, write->start_ns, 0);
	if (!write->facts.connected && classify_has_connected(tcp.state, tcp.acked_bytes))
		audit_found_connected(write);
	if (shared_get(socket->state) & SOCKET_PENDING)
		incident_settle(socket, &tcp);
	return true;
}

/* Judges the write by what the kernel says now. Returns whether it stands accused. */
static bool judge(struct audit_write *write)
{
	bool may_kill;

	if (process_is_borrowed() || !look_closer(write))
		return false;
	if (!write->facts.told && audit_told_by_readable(&write->hold))
		write->facts.told = true;
	write->verdict = classify_before(&write->facts);
	if (!write->verdict.kind)
		return false;
	may_kill = classify_expects_epipe(&write->verdict, &write->facts) && audit_raises_sigpipe(write) &&
		   probe_sigpipe() == PROBE_SIGPIPE_KILLS;
	audit_accuse(write, may_kill);
	return true;
}

/* A peer that closed in answer to our own bytes often resets next, while the stack of the incident is being taken. */
static bool is_reset_by_now(const struct audit_write *write)
{
	struct probe_tcp tcp;

	return write->verdict.kind == TRACE_WRITE_AFTER_PEER_CLOSE && write->socket->protocol == TRACE_TCP &&
	       probe_tcp(write->fd, &tcp) && tcp.state == TCP_CLOSE;
}

static void suspect(struct audit_write *write)
{
	if (judge(write) && is_reset_by_now(write)) {
		audit_retract(write);
		judge(write);
	}
}

/* Nothing wrong to be seen, but does the peer still acknowledge anything? */
static void watch_silence(struct audit_write *write)
{
	struct audit_silence silence;
	struct incident_call call;

	if (write->socket->protocol != TRACE_TCP || !write->facts.connected)
		return;
	silence = audit_silence(&write->hold, write->start_ns);
	if (!silence.silent || process_is_borrowed())
		return;
	write->verdict = classify_silence();
	call = audit_call_of(write);
	call.backlog = silence.backlog;
	call.silent_since_ns = silence.since_ns;
	call.retransmissions = silence.retransmissions;
	write->backlog = silence.backlog;
	audit_announce(write, &call);
}

/* Nothing is wrong with the connection, for all that was asked. */
static void found_clean(struct audit_write *write, uint32_t endings)
{
	audit_ahead_clean(write->socket, write->start_ns, endings);
	watch_silence(write);
}

/* The number means another socket by now, which the table did not know: look at that one. */
static void begin_anew(struct audit_write *write)
{
	socket_release(&write->hold);
	write->socket = NULL;
	if (!audit_hold(&write->hold, write->fd))
		return;
	write->socket = write->hold.socket;
	record_renew(&write->hold);
	audit_collect_facts(write);
	if (!socket_is_stream(write->socket))
		return;
	write->facts.revents = probe_poll(write->fd);
	write->before.revents = (uint16_t)write->facts.revents;
	if (classify_is_suspect(&write->facts) && audit_verify(&write->hold))
		suspect(write);
}

void audit_judge_before(struct audit_write *write)
{
	struct socket *socket = write->socket;
	uint32_t endings = __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE);

	audit_collect_facts(write);
	if (!audit_may_probe())
		return;
	write->probed = true;
	if (!write->facts.told && !write->facts.connecting && !write->facts.own_shutdown_write &&
		audit_ahead_holds(socket, write->start_ns)) {
		write->before.revents = POLLOUT;
		write->facts.revents = POLLOUT;
		watch_silence(write);
		return;
	}
	write->facts.revents = audit_ahead_poll(write->fd, socket, write->start_ns);
	write->before.revents = (uint16_t)write->facts.revents;
	if (!socket_hold_is_current(&write->hold))
		return; /* the answer may be another connection's */
	if (write->facts.connecting && (write->facts.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT)
		audit_found_connected(write);
	if (!classify_is_suspect(&write->facts))
		found_clean(write, endings);
	else if (audit_verify(&write->hold))
		suspect(write);
	else if (!socket_table_is_open(write->fd))
		begin_anew(write);
}
