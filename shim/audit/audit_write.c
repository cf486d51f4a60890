/*
 * audit_write.c: the way of a write.
 *
 * A connected stream is asked by one poll before the call. Only where that, or what is known already, makes the write
 * suspect is more asked: the cookie, TCP_INFO before, and TCP_INFO after. The incident stands in the trace before the
 * call is made.
 */
#include "shim/audit/audit_accuse.h"
#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_closed.h"
#include "shim/audit/audit_told.h"

#include <errno.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <string.h>

#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"

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
	write->verdict = (struct verdict){.kind = TRACE_WRITE_TO_SILENT_PEER, .knowledge = TRACE_KERNEL};
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
	collect_facts(write);
	if (!socket_is_stream(write->socket))
		return;
	write->facts.revents = probe_poll(write->fd);
	write->before.revents = (uint16_t)write->facts.revents;
	if (classify_is_suspect(&write->facts) && audit_verify(&write->hold))
		suspect(write);
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
	if (!socket_hold_is_current(&write->hold))
		return; /* the answer may be another connection's */
	if (write->facts.connecting && (write->facts.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT)
		found_connected(write);
	if (!classify_is_suspect(&write->facts))
		found_clean(write, endings);
	else if (audit_verify(&write->hold))
		suspect(write);
	else if (!socket_table_is_open(write->fd))
		begin_anew(write);
}

static void note_call(struct audit_write *write)
{
	struct trace_socket *record = write->hold.record;

	if (write->socket->noted_call != write->call) {
		strncpy(record->in_call, write->call, sizeof(record->in_call) - 1);
		write->socket->noted_call = write->call;
	}
	if (write->hold.slot)
		write->hold.slot->in_call = record;
	__atomic_store_n(&record->in_call_ns, write->start_ns, __ATOMIC_RELEASE);
}

/*
 * Holds the socket of a number: the open one or, where the kernel has none either, the one that it was until it was
 * closed.
 */
static bool hold_for_write(struct audit_write *write, int fd)
{
	uint64_t entry = socket_table_entry(fd);

	write->closed = false;
	if (audit_hold(&write->hold, fd))
		return true;
	write->closed = true;
	if (!socket_entry_is_closed(entry) || socket_table_entry(fd) != entry || !socket_hold_any(&write->hold, fd))
		return false;
	if (write->hold.entry == entry)
		return true;
	socket_release(&write->hold);
	return false;
}

bool audit_write_begin_slow(struct audit_write *write, const char *call, int fd, struct payload payload, int flags)
{
	if (!hold_for_write(write, fd))
		return false;
	write->socket = write->hold.socket;
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
	if (!record_is_current(write->socket)) {
		if (process_is_borrowed()) {
			socket_release(&write->hold);
			return false;
		}
		record_renew(&write->hold);
	}
	memset(&write->before, 0, sizeof(write->before));
	note_call(write);
	if (socket_is_stream(write->socket))
		probe_before(write);
	else
		collect_facts(write);
	return write->socket != NULL;
}

/* ---- after the call ---- */

/* A write to a number that this program has closed: the entry remembers the socket, and the record its end. */
static void accuse_of_closed(void *argument)
{
	struct audit_write *write = argument;
	struct incident_call call;

	write->verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_CLOSE, .knowledge = TRACE_TOLD};
	if (!record_is_current(write->socket))
		write->socket = NULL;
	memset(&write->before, 0, sizeof(write->before));
	call = audit_call_of(write);
	audit_name_close(&call);
	audit_announce(write, &call);
	incident_reject(write->incident, &call, EBADF, TRACE_SIGPIPE_NONE);
}

static void report_closed(struct audit_write *write)
{
	if (!process_is_borrowed() && !deep_stack_call(accuse_of_closed, write))
		accuse_of_closed(write);
}

/* The write failed though it had looked harmless, or could not be probed. */
static void failed(struct audit_write *write, int error)
{
	struct probe_tcp tcp;

	if (error == EBADF) { /* it had been closed where no hook could see */
		if (!process_is_borrowed())
			socket_table_forget_entry(write->fd, write->hold.entry);
		return;
	}
	if ((!classify_is_end(error) && error != ENOTCONN) || process_is_borrowed() || !audit_verify(&write->hold))
		return;
	write->facts.error = error;
	if (write->socket->protocol == TRACE_TCP && audit_may_probe() && probe_tcp(write->fd, &tcp) &&
		socket_hold_is_current(&write->hold)) {
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

/* The call was made on this connection, and it is still the number's. */
static void book(struct audit_write *write, ssize_t result, int error)
{
	struct trace_socket *record = write->hold.record;

	__atomic_store_n(&record->in_call_ns, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&record->writes, 1, __ATOMIC_RELAXED);
	if (result > 0) {
		__atomic_fetch_add(&record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
		/* it waited until the connection stood; bytes that go with a SYN (fast open) wait for nothing */
		if (write->facts.connecting && !write->facts.fast_open)
			found_connected(write);
	}
	if (write->verdict.kind)
		audit_complete(write, result, error);
	else if (result < 0)
		failed(write, error);
	else if (__atomic_load_n(&write->socket->state, __ATOMIC_RELAXED) & SOCKET_PENDING)
		audit_settle(&write->hold, false);
	if (result > 0 && write->socket->state & SOCKET_LOSS_OPEN && socket_hold_is_current(&write->hold))
		audit_loss_goes_on(&write->hold, kernel_now_ns());
	socket_remember(write->hold.socket, write->call, write->start_ns, length_shown(write, result),
		result < 0 ? -(long)error : result, true);
}

/*
 * The number is closed by now, and means no other socket: whoever wrote when the kernel knew nothing of it wrote after
 * that close. The kernel may have taken bytes before it, though, or be told to stop: that belongs to nobody for
 * certain.
 */
static bool is_closed_meanwhile(const struct audit_write *write)
{
	uint64_t entry = socket_table_entry(write->fd);

	return socket_entry_is_closed(entry) && socket_entry_index(entry) == socket_entry_index(write->hold.entry) &&
	       socket_hold_is_ours(&write->hold);
}

ssize_t audit_write_end(struct audit_write *write, ssize_t result)
{
	int saved = errno;

	if (write->closed) {
		if (result < 0 && saved == EBADF)
			report_closed(write);
	} else if (socket_hold_is_current(&write->hold)) {
		book(write, result, saved);
	} else if (result < 0 && saved == EBADF && !write->verdict.kind && is_closed_meanwhile(write)) {
		__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
		report_closed(write); /* closed by another thread meanwhile */
	} else {
		audit_write_end_stale(write, result);
	}
	halt_consider(write->incident);
	halt_if_due();
	socket_release(&write->hold);
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

	if (!write->closed && socket_hold_is_ours(&write->hold)) {
		__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
		if (write->verdict.kind)
			audit_retract(write);
	}
	socket_release(&write->hold);
	errno = saved;
}
