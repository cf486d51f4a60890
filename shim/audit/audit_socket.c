/*
 * audit_socket.c: which socket a descriptor means.
 *
 * The table can be wrong: descriptors are made and closed by libc itself, by other processes, by io_uring. So a number
 * of which nothing is known, or which this program has closed, is looked at once; and a number that is about to be
 * accused is compared by its cookie first.
 */
#include "shim/audit/audit_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_uring_look.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/trace/trace_log.h"

uint8_t audit_protocol_of(int family, int type, int protocol)
{
	type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (family == AF_INET || family == AF_INET6) {
		if (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
			return TRACE_TCP;
		return type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP) ? TRACE_UDP : TRACE_OTHER;
	}
	if (family != AF_UNIX)
		return TRACE_OTHER;
	return type == SOCK_STREAM      ? TRACE_UNIX_STREAM
	       : type == SOCK_SEQPACKET ? TRACE_UNIX_SEQPACKET
	       : type == SOCK_DGRAM     ? TRACE_UNIX_DGRAM
					: TRACE_OTHER;
}

void audit_look_now_and_then(void)
{
	uint64_t seen = shared_get(trace_log_process()->sockets_seen);

	if (seen && !(seen & (seen - 1)) && seen & 0x5555555555555555u) /* 1, 4, 16 ... */
		audit_uring_look();
}

struct socket *audit_new_socket(int fd, uint8_t protocol)
{
	struct socket *socket;

	if (protocol == TRACE_OTHER) {
		socket_table_set_other(fd);
		return NULL;
	}
	socket = socket_new();
	if (!socket) {
		socket_table_forget(fd);
		return NULL;
	}
	socket->protocol = protocol;
	socket->fd = fd;
	if (audit_may_probe())
		shared_set(socket->cookie, probe_cookie(fd));
	return socket;
}

/* Finds out whether a socket that others made is or was connected. */
static void discover_state(struct socket *socket, int fd)
{
	struct trace_socket *record = socket_record(socket);
	struct probe_tcp tcp;

	record_addresses(record, fd);
	if (probe_listens(fd)) {
		__atomic_fetch_or(&record->flags, TRACE_SOCKET_LISTENS, __ATOMIC_RELAXED);
		return;
	}
	if (socket->protocol == TRACE_TCP && probe_tcp(fd, &tcp)) {
		if (tcp.state == TCP_SYN_SENT || tcp.state == TCP_SYN_RECV)
			__atomic_fetch_or(&socket->state, SOCKET_CONNECTING, __ATOMIC_RELAXED);
		else if (tcp.state != TCP_CLOSE || record->local.port)
			socket_set_connected(socket, record->opened_ns);
		return;
	}
	if (record->peer.family || socket->protocol == TRACE_UNIX_STREAM || socket->protocol == TRACE_UNIX_SEQPACKET)
		socket_set_connected(socket, record->opened_ns);
}

static void discover(int fd, uint64_t entry)
{
	struct probe_identity identity;
	struct socket_hold known;
	struct socket *socket;
	int result;

	if (fd < 0 || !audit_may_probe() || process_is_borrowed())
		return;
	result = probe_identity(fd, &identity);
	if (result == -ENOTSOCK)
		socket_table_set_other(fd);
	if (result < 0)
		return;
	if (socket_hold_cookie(&known, identity.cookie)) {
		socket_table_open_from(fd, known.socket, entry);
		socket_release(&known);
		return;
	}
	socket = audit_new_socket(fd, audit_protocol_of(identity.family, identity.type, identity.protocol));
	if (!socket)
		return;
	record_make(socket, fd, socket_entry_kind(entry) == ENTRY_UNKNOWN ? TRACE_INHERITED : TRACE_PASSED);
	discover_state(socket, fd);
	/* what was asked since then may be another thread's new socket by now: then that one counts, and this one is let go */
	if (socket_table_open_from(fd, socket, entry) && probe_cookie(fd) != identity.cookie)
		socket_table_forget(fd);
	audit_look_now_and_then();
}

bool audit_hold(struct socket_hold *hold, int fd)
{
	uint64_t entry = socket_table_entry(fd);

	hold->socket = NULL;
	if (socket_entry_kind(entry) == ENTRY_OTHER || !process_ready())
		return false;
	/* while we are inside the unwinder: a signal handler's, for the unwinder has no socket */
	if (socket_hold_open(hold, fd))
		return true;
	if (thread_is_inside())
		return false;
	discover(fd, entry);
	return socket_hold_open(hold, fd);
}

uint64_t audit_before(int fd)
{
	struct socket_hold hold;

	if (!socket_table_is_open(fd) && audit_hold(&hold, fd))
		socket_release(&hold);
	return socket_table_now();
}

bool audit_hold_as_of(struct socket_hold *hold, int fd, uint64_t turn)
{
	if (!audit_hold(hold, fd))
		return false;
	if (socket_entry_is_older(hold->entry, turn))
		return true;
	socket_release(hold);
	audit_result_is_stale();
	return false;
}

bool audit_verify(const struct socket_hold *hold)
{
	if (!socket_hold_is_current(hold))
		return false;
	if (audit_may_probe() && shared_get(hold->socket->cookie) &&
		probe_cookie(hold->fd) != shared_get(hold->socket->cookie)) {
		if (!process_is_borrowed())
			socket_table_forget_entry(hold->fd, hold->entry);
		return false;
	}
	return socket_hold_is_current(hold); /* it was this number's cookie all the time */
}

void audit_result_is_stale(void)
{
	trace_log_lost(TRACE_LOST_STALE);
}

bool audit_is_closed_meanwhile(const struct socket_hold *hold)
{
	uint64_t entry = socket_table_entry(hold->fd);

	return socket_entry_is_closed(entry) && socket_entry_index(entry) == socket_entry_index(hold->entry) &&
	       socket_hold_is_ours(hold);
}

bool audit_was_closed_after(const struct socket_hold *hold)
{
	uint64_t entry = socket_table_entry(hold->fd);

	return audit_is_closed_meanwhile(hold) && audit_may_probe() &&
	       (socket_table_is_parked(hold->fd) || !probe_is_open(hold->fd)) && socket_table_entry(hold->fd) == entry;
}
