/*
 * audit_write.c: the way of a write.
 *
 * A connected stream is asked by one poll before the call. Only where that, or what is known already, makes the write suspect
 * is more asked: the cookie, TCP_INFO before, and TCP_INFO after. The incident stands in the trace before the call is made.
 */
#include "shim/audit_accuse.h"
#include "shim/audit_ahead.h"

#include <errno.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <string.h>

#include "shim/incident.h"
#include "shim/kernel.h"
#include "shim/probe.h"
#include "shim/process.h"
#include "shim/quarantine.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

static void collect_facts(struct audit_write *write)
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
	facts->own_shutdown_read = socket->shutdown_read;
	facts->told = state & SOCKET_TOLD;
}

static void found_connected(struct audit_write *write)
{
	socket_set_connected(write->socket, write->start_ns);
	write->facts.connecting = false;
	write->facts.connected = true;
}

/*
 * select has no other word for the end than "readable" (fs/select.c POLLIN_SET). It said so, nothing was read since, and nothing
 * is there to read: what it told of was the end. poll and epoll have words of their own for it; their "readable" tells nothing.
 */
static void told_by_readable(struct audit_write *write)
{
	struct socket *socket = write->socket;
	struct trace_socket *record = socket->record;

	if (write->facts.told || socket->readable != READABLE_BY_SELECT || probe_readable_bytes(write->fd) != 0)
		return;
	if (__atomic_fetch_or(&socket->state, SOCKET_TOLD, __ATOMIC_ACQ_REL) & SOCKET_TOLD)
		return;
	strncpy(record->told_call, socket->readable_call, sizeof(record->told_call) - 1);
	record->told_ns = socket->readable_ns;
	if (!record->peer_closed_ns)
		record->peer_closed_ns = socket->readable_ns;
	write->facts.told = true;
}

/* Asks for the state behind a suspicion. Returns whether there is one to judge. */
static bool look_closer(struct audit_write *write)
{
	struct socket *socket = write->socket;
	struct probe_tcp tcp;

	if (socket->protocol != TRACE_TCP)
		return true;
	if (!probe_tcp(write->fd, &tcp))
		return false;
	write->before.tcp_state = write->facts.tcp_before = tcp.state;
	write->before.retransmits = tcp.retransmits;
	write->before.unsent_bytes = tcp.unacked_bytes;
	if (tcp.state == TCP_CLOSE && !write->facts.own_shutdown_write && write->facts.connected)
		audit_saw_reset(socket, write->fd, write->start_ns, 0);
	if (!write->facts.connected && classify_has_connected(tcp.state, tcp.acked_bytes))
		found_connected(write);
	if (socket->state & SOCKET_PENDING)
		incident_settle(socket, &tcp);
	return true;
}

/* Judges the write by what the kernel says now. Returns whether it stands accused. */
static bool judge(struct audit_write *write)
{
	bool may_kill;

	if (process_is_borrowed() || !look_closer(write))
		return false;
	told_by_readable(write);
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
	silence = audit_silence(write->socket, write->fd, write->start_ns);
	if (!silence.silent || process_is_borrowed())
		return;
	write->verdict = (struct verdict){.kind = TRACE_WRITE_TO_SILENT_PEER, .knowledge = TRACE_KERNEL};
	call = audit_call_of(write);
	call.backlog = silence.backlog;
	call.silent_since_ns = silence.since_ns;
	call.retransmissions = silence.retransmissions;
	write->backlog = silence.backlog;
	write->incident = incident_announce(&call, &write->fresh);
}

static void probe_before(struct audit_write *write)
{
	struct socket *socket = write->socket;
	uint32_t endings = __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE);

	collect_facts(write);
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
	if (write->facts.connecting && (write->facts.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT)
		found_connected(write);
	if (!classify_is_suspect(&write->facts)) {
		audit_ahead_clean(socket, write->start_ns, endings);
		watch_silence(write);
		return;
	}
	if (audit_verify(socket, write->fd)) {
		suspect(write);
		return;
	}
	/* the number means another socket by now: look at that one */
	write->socket = audit_socket(write->fd);
	if (!write->socket)
		return;
	collect_facts(write);
	write->facts.revents = (short)write->before.revents;
	if (socket_is_stream(write->socket) && classify_is_suspect(&write->facts))
		suspect(write);
}

static void note_call(struct audit_write *write)
{
	struct trace_socket *record = write->socket->record;

	if (write->socket->noted_call != write->call) {
		strncpy(record->in_call, write->call, sizeof(record->in_call) - 1);
		write->socket->noted_call = write->call;
	}
	__atomic_store_n(&record->in_call_ns, write->start_ns, __ATOMIC_RELEASE);
}

bool audit_write_begin_slow(struct audit_write *write, const char *call, int fd, struct payload payload, int flags)
{
	uintptr_t entry = socket_table_entry(fd);
	struct socket *socket = audit_socket(fd);

	if (!socket && (!socket_entry_is_closed(entry) || socket_table_entry(fd) != entry))
		return false;
	write->closed = !socket;
	write->socket = socket ? socket : socket_entry_socket(entry);
	write->call = call;
	write->fd = fd;
	write->flags = flags;
	write->payload = payload;
	write->probed = false;
	write->verdict.kind = 0;
	write->incident = NULL;
	write->backlog = 0;
	write->stack = 0;
	write->untold = false;
	write->start_ns = kernel_now_ns();
	if (write->closed)
		return true;
	if (!record_is_current(socket)) {
		if (process_is_borrowed())
			return false;
		record_renew(socket, fd);
	}
	memset(&write->before, 0, sizeof(write->before));
	note_call(write);
	if (socket_is_stream(socket))
		probe_before(write);
	else
		collect_facts(write);
	return write->socket != NULL;
}

/* ---- after the call ---- */

/* A write to a number that this program has closed: the entry remembers the socket, and the record its end. */
static void report_closed(struct audit_write *write)
{
	struct incident_call call;

	if (process_is_borrowed())
		return;
	write->verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_CLOSE, .knowledge = TRACE_TOLD};
	if (write->socket && !record_is_current(write->socket))
		write->socket = NULL;
	memset(&write->before, 0, sizeof(write->before));
	call = audit_call_of(write);
	audit_name_close(&call);
	write->incident = incident_announce(&call, &write->fresh);
	incident_reject(write->incident, &call, EBADF, TRACE_SIGPIPE_NONE);
}

/* The write failed though it had looked harmless, or could not be probed. */
static void failed(struct audit_write *write, int error)
{
	struct probe_tcp tcp;

	if (error == EBADF) {
		if (socket_entry_is_closed(socket_table_entry(write->fd)))
			report_closed(write); /* closed by another thread meanwhile */
		else if (!process_is_borrowed())
			socket_table_forget(write->fd);
		return;
	}
	if ((!classify_is_end(error) && error != ENOTCONN) || process_is_borrowed() ||
		!audit_verify(write->socket, write->fd))
		return;
	write->facts.error = error;
	if (write->socket->protocol == TRACE_TCP && audit_may_probe() && probe_tcp(write->fd, &tcp)) {
		write->facts.tcp_after = tcp.state;
		if (!write->facts.connected && classify_has_connected(tcp.state, tcp.acked_bytes))
			found_connected(write);
	}
	write->verdict = classify_failure(&write->facts);
	if (!write->verdict.kind)
		return;
	audit_accuse(write, false);
	audit_refused(write, error);
}

static size_t length_shown(const struct audit_write *write, ssize_t result)
{
	if (write->payload.form == PAYLOAD_BUFFER || write->payload.form == PAYLOAD_NONE)
		return write->payload.length;
	return result > 0 ? (size_t)result : 0;
}

ssize_t audit_write_end(struct audit_write *write, ssize_t result)
{
	int saved = errno;
	struct trace_socket *record;

	if (write->closed) {
		if (result < 0 && saved == EBADF)
			report_closed(write);
		incident_halt(write->incident);
		errno = saved;
		return result;
	}
	record = write->socket->record;
	__atomic_store_n(&record->in_call_ns, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&record->writes, 1, __ATOMIC_RELAXED);
	if (result > 0) {
		__atomic_fetch_add(&record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
		/* it waited until the connection stood; bytes that go with a SYN (fast open) wait for nothing */
		if (write->facts.connecting && !write->facts.fast_open)
			found_connected(write);
	}
	if (write->verdict.kind)
		audit_complete(write, result, saved);
	else if (result < 0)
		failed(write, saved);
	else if (__atomic_load_n(&write->socket->state, __ATOMIC_RELAXED) & SOCKET_PENDING)
		audit_settle(write->socket, write->fd, false);
	if (write->socket)
		socket_remember(write->socket, write->call, write->start_ns, length_shown(write, result),
			result < 0 ? -(long)saved : result, true);
	incident_halt(write->incident);
	errno = saved;
	return result;
}

/* ---- calls that write only now and then (audit_stdio.c) ---- */

void audit_write_resize(struct audit_write *write, size_t length)
{
	size_t before = payload_length(&write->payload);
	struct trace_incident *incident = write->incident;

	write->payload = payload_none(length);
	if (!incident || before == length)
		return;
	__atomic_fetch_add(&incident->bytes_offered, length - before, __ATOMIC_RELAXED);
	if (incident->count == 1 && incident->history_count)
		incident->history[incident->history_count - 1].length =
			length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
}

void audit_write_cancel(struct audit_write *write)
{
	int saved = errno;

	if (write->closed)
		return;
	__atomic_store_n(&write->socket->record->in_call_ns, 0, __ATOMIC_RELEASE);
	if (write->verdict.kind)
		audit_retract(write);
	errno = saved;
}
