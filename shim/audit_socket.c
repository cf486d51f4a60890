/*
 * audit_socket.c: which socket a descriptor means, what it went through, and being told of its end.
 *
 * The table can be wrong: descriptors are made and closed by libc itself, by other processes, by io_uring. So a number of which
 * nothing is known, or which this program has closed, is looked at once; and a number that is about to be accused is
 * compared by its cookie first.
 */
#include "shim/audit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/backtrace.h"
#include "shim/kernel.h"
#include "shim/probe.h"
#include "shim/process.h"
#include "shim/quarantine.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

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

/* Programs that make rings make them early; and many are killed rather than end. */
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
	look_now_and_then();
	socket->protocol = protocol;
	socket->fd = fd;
	if (audit_may_probe())
		socket->cookie = probe_cookie(fd);
	return socket;
}

static void enter_table(int fd, struct socket *socket)
{
	if (!socket_table_open(fd, socket))
		socket_discard(socket);
	else
		quarantine_note_owner(fd, socket);
}

/* ---- discovery ---- */

/* Finds out whether a socket that others made is or was connected. */
static void discover_state(struct socket *socket, int fd)
{
	struct trace_socket *record = socket->record;
	struct probe_tcp tcp;

	record_addresses(socket, fd);
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

static struct socket *discover(int fd, uintptr_t entry)
{
	struct probe_identity identity;
	struct socket *socket;
	int result;

	if (fd < 0 || !audit_may_probe() || process_is_borrowed())
		return NULL;
	result = probe_identity(fd, &identity);
	if (result == -ENOTSOCK) {
		socket_table_set_other(fd);
		return NULL;
	}
	if (result < 0)
		return NULL;
	socket = socket_find_cookie(identity.cookie);
	if (socket) {
		socket_table_open(fd, socket);
		return socket;
	}
	socket = new_socket(fd, protocol_of(identity.family, identity.type, identity.protocol));
	if (!socket)
		return NULL;
	record_make(socket, fd, entry == ENTRY_UNKNOWN ? TRACE_INHERITED : TRACE_PASSED);
	discover_state(socket, fd);
	enter_table(fd, socket);
	return socket_table_find(fd);
}

struct socket *audit_socket(int fd)
{
	uintptr_t entry = socket_table_entry(fd);

	if (entry == ENTRY_OTHER || !process_ready())
		return NULL;
	/* while we are inside the unwinder: a signal handler's, for the unwinder has no socket */
	if (socket_entry_is_open(entry))
		return socket_entry_socket(entry);
	return thread_is_inside() ? NULL : discover(fd, entry);
}

bool audit_verify(const struct socket *socket, int fd)
{
	if (!audit_may_probe() || !socket->cookie || probe_cookie(fd) == socket->cookie)
		return true;
	if (!process_is_borrowed() && socket_table_find(fd) == socket)
		socket_table_forget(fd);
	return false;
}

/* ---- what it went through ---- */

static void told(struct socket *socket, const char *call, int error, uint64_t now_ns, trace_ref stack)
{
	struct trace_socket *record = socket->record;

	if (__atomic_fetch_or(&socket->state, SOCKET_TOLD, __ATOMIC_ACQ_REL) & SOCKET_TOLD)
		return;
	strncpy(record->told_call, call, sizeof(record->told_call) - 1);
	record->stack_told = stack;
	record->told_ns = now_ns;
	if (error)
		audit_saw_reset(socket, socket->fd, now_ns, error);
	else
		audit_saw_peer_close(socket, now_ns);
}

void audit_told(struct socket *socket, const char *call, int error)
{
	/* EPIPE says that it is over, and not why */
	if (error && error != EPIPE && error < 256 && record_is_current(socket) && !socket->record->end_error)
		socket->record->end_error = (uint8_t)error;
	if (__atomic_load_n(&socket->state, __ATOMIC_RELAXED) & SOCKET_TOLD || process_is_borrowed())
		return;
	record_renew(socket, socket->fd);
	told(socket, call, error, kernel_now_ns(), backtrace_capture());
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
		enter_table(fds[i], ends[i]);
	}
}

static void inherit_options(struct trace_socket *to, const struct trace_socket *from)
{
	to->flags |= from->flags & TRACE_SOCKET_KEEPALIVE;
	to->keepalive_idle_s = from->keepalive_idle_s;
	to->keepalive_interval_s = from->keepalive_interval_s;
	to->keepalive_count = from->keepalive_count;
	to->user_timeout_ms = from->user_timeout_ms;
}

void audit_accepted(int listener, int fd)
{
	struct socket *from = socket_table_find(listener);
	struct probe_identity identity = {0, 0, 0, 0};
	struct socket *socket;
	uint8_t protocol = from ? from->protocol : TRACE_OTHER;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	if (!from && audit_may_probe() && probe_identity(fd, &identity) == 0)
		protocol = protocol_of(identity.family, identity.type, identity.protocol);
	socket = new_socket(fd, protocol);
	if (!socket)
		return;
	record_make(socket, fd, TRACE_ACCEPT);
	if (audit_may_probe())
		record_addresses(socket, fd);
	if (from)
		inherit_options(socket->record, from->record);
	socket_set_connected(socket, socket->record->opened_ns);
	enter_table(fd, socket);
}

struct socket *audit_connect_begin(int fd)
{
	return audit_socket(fd);
}

/* A connect that failed leaves the socket as it was, but a write that follows all the same was meant for somebody. */
static void note_attempt(struct socket *socket, int fd, const void *address, uint32_t length)
{
	record_renew(socket, fd);
	if (!probe_address(address, length, &socket->record->peer) || !audit_may_probe())
		return;
	memset(&socket->record->local, 0, sizeof(socket->record->local));
	record_addresses(socket, fd);
}

void audit_connect_end(struct socket *socket, int fd, const void *address, uint32_t length, int result)
{
	int saved = errno;
	bool under_way = result < 0 && (saved == EINPROGRESS || saved == EINTR);
	bool stream = socket && socket->protocol != TRACE_UDP && socket->protocol != TRACE_UNIX_DGRAM;

	if (!socket || (result < 0 && !under_way) || process_is_borrowed()) {
		if (socket && result < 0 && saved == EISCONN && socket->state & SOCKET_CONNECTING)
			socket_set_connected(socket, kernel_now_ns());
		else if (socket && socket->protocol == TRACE_TCP && classify_is_end(saved) &&
			 !(socket->state & SOCKET_CONNECTED) && !process_is_borrowed()) {
			note_attempt(socket, fd, address, length);
			if (socket->state & SOCKET_CONNECTING) /* what came of the one that was under way */
				audit_told(socket, "connect", saved);
		}
		errno = saved;
		return;
	}
	record_renew(socket, fd);
	if (stream && socket->state & (SOCKET_CONNECTED | SOCKET_TOLD)) /* TOLD alone: an earlier connect had failed */
		record_continue(socket, fd);
	if (socket->record->origin == TRACE_SOCKET_CALL)
		socket->record->origin = TRACE_CONNECT;
	probe_address(address, length, &socket->record->peer);
	memset(&socket->record->local, 0, sizeof(socket->record->local));
	if (audit_may_probe())
		record_addresses(socket, fd);
	if (under_way || (socket->state & SOCKET_FAST_OPEN && result == 0))
		__atomic_fetch_or(&socket->state, SOCKET_CONNECTING, __ATOMIC_RELAXED);
	else if (!stream && !socket->record->peer.family)
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTED, __ATOMIC_RELAXED);
	else
		socket_set_connected(socket, kernel_now_ns());
	errno = saved;
}

void audit_connected_by_send(int fd, int flags, const void *address, uint32_t length, ssize_t result)
{
	int saved = errno;
	struct socket *socket = flags & MSG_FASTOPEN && address ? audit_socket(fd) : NULL;

	if (socket && socket->protocol == TRACE_TCP)
		audit_connect_end(socket, fd, address, length, result < 0 ? -1 : 1);
	errno = saved;
}

void audit_listening(int fd)
{
	struct socket *socket = audit_socket(fd);

	if (!socket || process_is_borrowed())
		return;
	record_renew(socket, fd);
	socket->record->flags |= TRACE_SOCKET_LISTENS;
	audit_uring_look();
	memset(&socket->record->local, 0, sizeof(socket->record->local));
	if (audit_may_probe())
		record_addresses(socket, fd);
}

void audit_shut_down(const struct hook *hook, int fd, int how)
{
	struct socket *socket = audit_socket(fd);
	struct trace_socket *record;
	uint64_t now_ns;

	if (!socket || process_is_borrowed())
		return;
	record_renew(socket, fd);
	record = socket->record;
	now_ns = kernel_now_ns();
	socket_note_ending();
	socket_remember(socket, hook->name, now_ns, 0, 0, false);
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
