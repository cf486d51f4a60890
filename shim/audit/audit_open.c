/*
 * audit_open.c: what a socket goes through that its program knows of: made, connected, accepted, listening, shut down.
 */
#include "shim/audit/audit_open.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/audit/audit_anew.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_uring_look.h"
#include "shim/audit/audit_write.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace.h"
#include "shim/verdict/classify.h"

/* From here on it belongs to the table: another thread may close it at once. */
static void enter_table(int fd, struct socket *socket)
{
	quarantine_note_owner(fd, socket->record);
	if (socket_table_open(fd, socket)) {
		audit_look_now_and_then();
		return;
	}
	record_release(socket);
	socket_discard(socket);
}

void audit_made_socket(int fd, int family, int type, int protocol)
{
	struct socket *socket;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	socket = audit_new_socket(fd, audit_protocol_of(family, type, protocol));
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
		ends[i] = audit_new_socket(fds[i], audit_protocol_of(family, type, protocol));
		if (ends[i])
			record_make(ends[i], fds[i], TRACE_SOCKETPAIR);
	}
	for (int i = 0; i < 2; i++) {
		if (!ends[i])
			continue;
		shared_set(ends[i]->record->peer_cookie, ends[!i] ? ends[!i]->cookie : 0);
		ends[i]->record->local.family = ends[i]->record->peer.family = (uint16_t)family;
		socket_set_connected(ends[i], ends[i]->record->opened_ns);
	}
	for (int i = 0; i < 2; i++)
		if (ends[i])
			enter_table(fds[i], ends[i]);
}

/* A connection that a listening socket accepted, NULL where that is not known to listen. */
static struct socket *new_accepted(const struct socket *listener, int fd)
{
	struct probe_identity identity = {0, 0, 0, 0};
	struct socket *socket;
	uint8_t protocol = listener ? listener->protocol : TRACE_OTHER;

	if (!listener && audit_may_probe() && probe_identity(fd, &identity) == 0)
		protocol = audit_protocol_of(identity.family, identity.type, identity.protocol);
	socket = audit_new_socket(fd, protocol);
	if (!socket)
		return NULL;
	record_make(socket, fd, TRACE_ACCEPT);
	if (audit_may_probe())
		record_addresses(socket->record, fd);
	if (listener)
		record_inherit_options(socket->record, socket_record(listener));
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

bool audit_connects_again(const struct socket *socket)
{
	/* TOLD alone: an earlier connect had failed */
	return shared_get(socket->state) & (SOCKET_CONNECTED | SOCKET_TOLD);
}

bool audit_connect_begin(struct audit_connect *connect, int fd, const void *address, uint32_t length)
{
	if (!audit_hold(&connect->hold, fd))
		return false;
	connect->again = audit_connects_again(connect->hold.socket);
	audit_dissolve_begin(&connect->hold, address, length);
	return true;
}

/* A connect that failed leaves the socket as it was, but a write that follows all the same was meant for somebody. */
static void note_attempt(struct socket_hold *hold, const void *address, uint32_t length)
{
	record_renew(hold);
	if (record_peer(hold->record, address, length) && audit_may_probe())
		record_addresses_anew(hold->record, hold->fd);
}

void audit_connected(struct socket_hold *hold, const void *address, uint32_t length, int result, bool again)
{
	int saved = errno;
	struct socket *socket = hold->socket;
	bool under_way = result < 0 && (saved == EINPROGRESS || saved == EINTR);
	bool stream = socket->protocol != TRACE_UDP && socket->protocol != TRACE_UNIX_DGRAM;

	if ((result < 0 && !under_way) || process_is_borrowed()) {
		if (result < 0 && saved == EISCONN && shared_get(socket->state) & SOCKET_CONNECTING)
			socket_set_connected(socket, kernel_now_ns());
		else if (socket->protocol == TRACE_TCP && classify_is_end(saved) &&
			 !(shared_get(socket->state) & SOCKET_CONNECTED) && !process_is_borrowed()) {
			note_attempt(hold, address, length);
			if (shared_get(socket->state) & SOCKET_CONNECTING) /* what came of the one that was under way */
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
	if (stream && again)
		audit_begin_anew(hold, TRACE_CONNECT);
	__atomic_fetch_and(&hold->record->flags, ~(uint32_t)TRACE_SOCKET_LISTENS, __ATOMIC_RELAXED);
	if (shared_get(hold->record->origin) == TRACE_SOCKET_CALL)
		shared_set(hold->record->origin, TRACE_CONNECT);
	record_peer(hold->record, address, length);
	record_addresses_anew(hold->record, audit_may_probe() ? hold->fd : -1);
	if (under_way || (shared_get(socket->state) & SOCKET_FAST_OPEN && result == 0))
		__atomic_fetch_or(&socket->state, SOCKET_CONNECTING, __ATOMIC_RELAXED);
	else if (!stream && !shared_get(hold->record->peer.family))
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTED, __ATOMIC_RELAXED);
	else
		socket_set_connected(socket, kernel_now_ns());
	errno = saved;
}

void audit_connect_end(struct audit_connect *connect, const void *address, uint32_t length, int result)
{
	if (!connect->hold.socket)
		return;
	if (socket_hold_is_current(&connect->hold))
		audit_connected(&connect->hold, address, length, result, connect->again);
	else
		audit_result_is_stale();
	socket_release(&connect->hold);
}

void audit_connected_by_send(struct audit_write *write, const void *address, uint32_t length, ssize_t result)
{
	if (!(write->flags & MSG_FASTOPEN) || !address || write->closed || !write->socket ||
		write->socket->protocol != TRACE_TCP || !socket_hold_is_current(&write->hold))
		return;
	audit_connected(
		&write->hold, address, length, result < 0 ? -1 : 1, write->facts.connected || write->facts.told);
}

void audit_listening(int fd, uint64_t turn)
{
	struct socket_hold hold;

	if (process_is_borrowed() || !audit_hold_as_of(&hold, fd, turn))
		return;
	record_renew(&hold);
	__atomic_fetch_or(&hold.record->flags, TRACE_SOCKET_LISTENS, __ATOMIC_RELAXED);
	audit_uring_look();
	record_addresses_anew(hold.record, audit_may_probe() ? fd : -1);
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
		shared_set(socket->shutdown_read, 1);
		__atomic_fetch_or(&record->flags, TRACE_SOCKET_OWN_SHUTDOWN_READ, __ATOMIC_RELAXED);
	}
	if (how == SHUT_RD || shared_get(socket->shutdown_write))
		return;
	shared_set(record->stack_shutdown, backtrace_capture());
	shared_set(record->shutdown_ns, now_ns);
	__atomic_fetch_or(&record->flags, TRACE_SOCKET_OWN_SHUTDOWN_WRITE, __ATOMIC_RELAXED);
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
