/*
 * audit_socket.c: which socket a descriptor means, what it went through, and being told of its end.
 *
 * The table can be wrong: descriptors are made and closed by libc itself, by other processes, by io_uring. So a number
 * of which nothing is known, or which this program has closed, is looked at once; and a number that is about to be
 * accused is compared by its cookie first.
 */
#include "shim/audit/audit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"

static uint8_t protocol_of(int family, int type, int protocol)
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

/*
 * Programs that make rings make them early; and many are killed rather than end. Once the new socket is in the table.
 */
static void look_now_and_then(void)
{
	uint64_t seen = trace_log_process()->sockets_seen;

	if (seen && !(seen & (seen - 1)) && seen & 0x5555555555555555u) /* 1, 4, 16 ... */
		audit_uring_look();
}

/* A socket with its identity, not in the table yet. NULL where it is none of ours, which the table then knows. */
static struct socket *new_socket(int fd, uint8_t protocol)
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
		socket->cookie = probe_cookie(fd);
	return socket;
}

/* From here on it belongs to the table: another thread may close it at once. */
static void enter_table(int fd, struct socket *socket)
{
	quarantine_note_owner(fd, socket->record);
	if (socket_table_open(fd, socket)) {
		look_now_and_then();
		return;
	}
	record_release(socket);
	socket_discard(socket);
}

/* ---- discovery ---- */

/* Finds out whether a socket that others made is or was connected. */
static void discover_state(struct socket *socket, int fd)
{
	struct trace_socket *record = socket->record;
	struct probe_tcp tcp;

	record_addresses(socket->record, fd);
	if (probe_listens(fd)) {
		record->flags |= TRACE_SOCKET_LISTENS;
		return;
	}
	if (socket->protocol == TRACE_TCP && probe_tcp(fd, &tcp)) {
		if (tcp.state == TCP_SYN_SENT || tcp.state == TCP_SYN_RECV)
			socket->state |= SOCKET_CONNECTING;
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
	socket = new_socket(fd, protocol_of(identity.family, identity.type, identity.protocol));
	if (!socket)
		return;
	record_make(socket, fd, socket_entry_kind(entry) == ENTRY_UNKNOWN ? TRACE_INHERITED : TRACE_PASSED);
	discover_state(socket, fd);
	/* what was asked since then may be another thread's new socket by now: then that one counts, and this one is let go */
	if (socket_table_open_from(fd, socket, entry) && probe_cookie(fd) != identity.cookie)
		socket_table_forget(fd);
	look_now_and_then();
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
	if (audit_may_probe() && hold->socket->cookie && probe_cookie(hold->fd) != hold->socket->cookie) {
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

/* ---- what it went through ---- */

static void told(const struct socket_hold *hold, const char *call, int error, uint64_t now_ns, trace_ref stack)
{
	struct trace_socket *record = hold->record;

	if (__atomic_fetch_or(&hold->socket->state, SOCKET_TOLD, __ATOMIC_ACQ_REL) & SOCKET_TOLD)
		return;
	strncpy(record->told_call, call, sizeof(record->told_call) - 1);
	record->stack_told = stack;
	record->told_ns = now_ns;
	if (error)
		audit_saw_reset(hold, now_ns, error);
	else
		audit_saw_peer_close(hold, now_ns);
}

void audit_told(struct socket_hold *hold, const char *call, int error)
{
	struct socket *socket = hold->socket;
	trace_ref stack;

	/* EPIPE says that it is over, and not why */
	if (error && error != EPIPE && error < 256 && record_is_current(socket) && !hold->record->end_error)
		hold->record->end_error = (uint8_t)error;
	if (__atomic_load_n(&socket->state, __ATOMIC_RELAXED) & SOCKET_TOLD || process_is_borrowed())
		return;
	record_renew(hold);
	stack = backtrace_capture();
	if (__atomic_load_n(&socket->life, __ATOMIC_ACQUIRE) == hold->life) /* no connect has begun it anew meanwhile */
		told(hold, call, error, kernel_now_ns(), stack);
}

/* ---- making and connecting ---- */

void audit_made_socket(int fd, int family, int type, int protocol)
{
	struct socket *socket;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	socket = new_socket(fd, protocol_of(family, type, protocol));
	if (!socket)
		return;
	record_make(socket, fd, TRACE_SOCKET_CALL);
	enter_table(fd, socket);
}

void audit_made_pair(const int fds[2], int family, int type, int protocol)
{
	struct socket *ends[2];

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	for (int i = 0; i < 2; i++) {
		ends[i] = new_socket(fds[i], protocol_of(family, type, protocol));
		if (ends[i])
			record_make(ends[i], fds[i], TRACE_SOCKETPAIR);
	}
	for (int i = 0; i < 2; i++) {
		if (!ends[i])
			continue;
		ends[i]->record->peer_cookie = ends[!i] ? ends[!i]->cookie : 0;
		ends[i]->record->local.family = ends[i]->record->peer.family = (uint16_t)family;
		socket_set_connected(ends[i], ends[i]->record->opened_ns);
	}
	for (int i = 0; i < 2; i++)
		if (ends[i])
			enter_table(fds[i], ends[i]);
}

static void inherit_options(struct trace_socket *to, const struct trace_socket *from)
{
	to->flags |= from->flags & TRACE_SOCKET_KEEPALIVE;
	to->keepalive_idle_s = from->keepalive_idle_s;
	to->keepalive_interval_s = from->keepalive_interval_s;
	to->keepalive_count = from->keepalive_count;
	to->user_timeout_ms = from->user_timeout_ms;
}

/* A connection that a listening socket accepted, NULL where that is not known to listen. */
static struct socket *new_accepted(const struct socket *listener, int fd)
{
	struct probe_identity identity = {0, 0, 0, 0};
	struct socket *socket;
	uint8_t protocol = listener ? listener->protocol : TRACE_OTHER;

	if (!listener && audit_may_probe() && probe_identity(fd, &identity) == 0)
		protocol = protocol_of(identity.family, identity.type, identity.protocol);
	socket = new_socket(fd, protocol);
	if (!socket)
		return NULL;
	record_make(socket, fd, TRACE_ACCEPT);
	if (audit_may_probe())
		record_addresses(socket->record, fd);
	if (listener)
		inherit_options(socket->record, listener->record);
	socket_set_connected(socket, socket->record->opened_ns);
	return socket;
}

void audit_accepted(int listener, int fd)
{
	struct socket_hold from;
	struct socket *socket;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	socket_hold_open(&from, listener);
	socket = new_accepted(from.socket, fd);
	socket_release(&from);
	if (socket)
		enter_table(fd, socket);
}

bool audit_connect_begin(struct socket_hold *hold, int fd, const void *address, uint32_t length)
{
	if (!audit_hold(hold, fd))
		return false;
	audit_dissolve_begin(hold, address, length);
	return true;
}

/* A connect that failed leaves the socket as it was, but a write that follows all the same was meant for somebody. */
static void note_attempt(struct socket_hold *hold, const void *address, uint32_t length)
{
	record_renew(hold);
	if (!probe_address(address, length, &hold->record->peer) || !audit_may_probe())
		return;
	memset(&hold->record->local, 0, sizeof(hold->record->local));
	record_addresses(hold->record, hold->fd);
}

void audit_connected(struct socket_hold *hold, const void *address, uint32_t length, int result)
{
	int saved = errno;
	struct socket *socket = hold->socket;
	bool under_way = result < 0 && (saved == EINPROGRESS || saved == EINTR);
	bool stream = socket->protocol != TRACE_UDP && socket->protocol != TRACE_UNIX_DGRAM;

	if ((result < 0 && !under_way) || process_is_borrowed()) {
		if (result < 0 && saved == EISCONN && socket->state & SOCKET_CONNECTING)
			socket_set_connected(socket, kernel_now_ns());
		else if (socket->protocol == TRACE_TCP && classify_is_end(saved) &&
			 !(socket->state & SOCKET_CONNECTED) && !process_is_borrowed()) {
			note_attempt(hold, address, length);
			if (socket->state & SOCKET_CONNECTING) /* what came of the one that was under way */
				audit_told(hold, "connect", saved);
		}
		errno = saved;
		return;
	}
	record_renew(hold);
	if (audit_dissolved(hold, address, length)) {
		errno = saved;
		return;
	}
	if (stream && socket->state & (SOCKET_CONNECTED | SOCKET_TOLD)) /* TOLD alone: an earlier connect had failed */
		audit_begin_anew(hold, TRACE_CONNECT);
	hold->record->flags &= ~(uint32_t)TRACE_SOCKET_LISTENS;
	if (hold->record->origin == TRACE_SOCKET_CALL)
		hold->record->origin = TRACE_CONNECT;
	probe_address(address, length, &hold->record->peer);
	memset(&hold->record->local, 0, sizeof(hold->record->local));
	if (audit_may_probe())
		record_addresses(hold->record, hold->fd);
	if (under_way || (socket->state & SOCKET_FAST_OPEN && result == 0))
		__atomic_fetch_or(&socket->state, SOCKET_CONNECTING, __ATOMIC_RELAXED);
	else if (!stream && !hold->record->peer.family)
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTED, __ATOMIC_RELAXED);
	else
		socket_set_connected(socket, kernel_now_ns());
	errno = saved;
}

void audit_connect_end(struct socket_hold *hold, const void *address, uint32_t length, int result)
{
	if (!hold->socket)
		return;
	if (socket_hold_is_current(hold))
		audit_connected(hold, address, length, result);
	else
		audit_result_is_stale();
	socket_release(hold);
}

void audit_connected_by_send(struct audit_write *write, const void *address, uint32_t length, ssize_t result)
{
	if (!(write->flags & MSG_FASTOPEN) || !address || write->closed || !write->socket ||
		write->socket->protocol != TRACE_TCP || !socket_hold_is_current(&write->hold))
		return;
	audit_connected(&write->hold, address, length, result < 0 ? -1 : 1);
}

void audit_listening(int fd, uint64_t turn)
{
	struct socket_hold hold;

	if (process_is_borrowed() || !audit_hold_as_of(&hold, fd, turn))
		return;
	record_renew(&hold);
	hold.record->flags |= TRACE_SOCKET_LISTENS;
	audit_uring_look();
	memset(&hold.record->local, 0, sizeof(hold.record->local));
	if (audit_may_probe())
		record_addresses(hold.record, fd);
	socket_release(&hold);
}

static void shut_down(const struct socket_hold *hold, const char *call, int how)
{
	struct socket *socket = hold->socket;
	struct trace_socket *record = hold->record;
	uint64_t now_ns = kernel_now_ns();

	socket_note_ending();
	socket_remember(socket, call, now_ns, 0, 0, false);
	if (audit_shutdown_dissolves(hold))
		return;
	if (how != SHUT_WR) {
		socket->shutdown_read = 1;
		record->flags |= TRACE_SOCKET_OWN_SHUTDOWN_READ;
	}
	if (how == SHUT_RD || socket->shutdown_write)
		return;
	record->stack_shutdown = backtrace_capture();
	record->shutdown_ns = now_ns;
	record->flags |= TRACE_SOCKET_OWN_SHUTDOWN_WRITE;
	__atomic_store_n(&socket->shutdown_write, 1, __ATOMIC_RELEASE);
}

void audit_shut_down(const struct hook *hook, int fd, int how, uint64_t turn)
{
	struct socket_hold hold;

	if (process_is_borrowed() || !audit_hold_as_of(&hold, fd, turn))
		return;
	record_renew(&hold);
	shut_down(&hold, hook->name, how);
	socket_release(&hold);
}
