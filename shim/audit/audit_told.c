/*
 * audit_told.c: how the program is told of the end: by a read, by poll, select or epoll, by SO_ERROR.
 *
 * No system call is made here, but for the time and a stack. What poll and its like say of a socket with nothing wrong
 * costs a look into the table.
 */
#include "shim/audit/audit_told.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>

#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace.h"
#include "shim/verdict/halt.h"

/* Stands for "poll said ERR": which error it is, only SO_ERROR would tell, and that is the program's to read. */
#define SOME_ERROR EIO

/* The one writer of what a record says of it. Returns whether the program had not been told before. */
static bool told(const struct socket_hold *hold, const char *call, int error, uint64_t now_ns, trace_ref stack)
{
	struct trace_socket *record = hold->record;

	if (__atomic_fetch_or(&hold->socket->state, SOCKET_TOLD, __ATOMIC_ACQ_REL) & SOCKET_TOLD)
		return false;
	shared_set_name(record->told_call, call);
	shared_set(record->stack_told, stack);
	shared_set(record->told_ns, now_ns);
	if (error)
		audit_saw_reset(hold, now_ns, error);
	else
		audit_saw_peer_close(hold, now_ns);
	return true;
}

void audit_told(struct socket_hold *hold, const char *call, int error)
{
	struct socket *socket = hold->socket;
	trace_ref stack;

	/* EPIPE says that it is over, and not why */
	if (error && error != EPIPE && error < 256 && record_is_current(socket) && !shared_get(hold->record->end_error))
		shared_set(hold->record->end_error, (uint8_t)error);
	if (__atomic_load_n(&socket->state, __ATOMIC_RELAXED) & SOCKET_TOLD || process_is_borrowed())
		return;
	record_renew(hold);
	stack = backtrace_capture();
	if (__atomic_load_n(&socket->life, __ATOMIC_ACQUIRE) == hold->life) /* no connect has begun it anew meanwhile */
		told(hold, call, error, kernel_now_ns(), stack);
}

bool audit_told_by_readable(const struct socket_hold *hold)
{
	const struct socket *socket = hold->socket;

	return shared_get(socket->readable) == READABLE_BY_SELECT && probe_readable_bytes(hold->fd) == 0 &&
	       socket_hold_is_current(hold) &&
	       told(hold, shared_get(socket->readable_call), 0, shared_get(socket->readable_ns), 0);
}

/* ---- poll and its like ---- */

/*
 * Should there turn out to be nothing but the end to read, this told of it. Plain stores: it is on the way of every
 * event.
 */
static void note_readable(struct socket *socket, const char *call, uint64_t *now_ns, bool by_select)
{
	if (!by_select) {
		if (shared_get(socket->readable) == READABLE_NOT)
			shared_set(socket->readable, READABLE_BY_POLL);
		return;
	}
	if (shared_get(socket->readable) == READABLE_BY_SELECT)
		return;
	if (!*now_ns)
		*now_ns = kernel_now_ns();
	shared_set(socket->readable_ns, *now_ns);
	shared_set(socket->readable_call, call);
	__atomic_store_n(&socket->readable, READABLE_BY_SELECT, __ATOMIC_RELEASE);
}

/*
 * In SYN_SENT poll says nothing, and a connect that failed is HUP and ERR, so that anything else shows that it came
 * about (net/ipv4/tcp.c tcp_poll). select has no words for those two: there "readable" shows nothing.
 */
static bool shows_connection(uint32_t events, bool by_select)
{
	return !by_select && events & (POLLIN | POLLOUT | POLLRDHUP) && !(events & (POLLERR | POLLHUP));
}

static void note_connected(struct socket *socket, uint64_t *now_ns)
{
	if (!*now_ns)
		*now_ns = kernel_now_ns();
	socket_set_connected(socket, *now_ns);
}

void audit_note_events(struct socket_hold *hold, const char *call, uint32_t events, uint64_t *now_ns, bool by_select)
{
	struct socket *socket = hold->socket;
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_RELAXED);

	if (!socket_is_stream(socket) ||
		(shared_get(hold->record->flags) & TRACE_SOCKET_LISTENS && !(state & SOCKET_CONNECTED)))
		return;
	if (state & SOCKET_CONNECTING && shows_connection(events, by_select) && record_is_current(socket)) {
		note_connected(socket, now_ns);
		state |= SOCKET_CONNECTED;
	}
	/*
	 * an end is always HUP or RDHUP too; ERR alone is a notice in the error queue (MSG_ZEROCOPY), or an error that passes
	 */
	if (events & (POLLHUP | POLLRDHUP) && state & (SOCKET_CONNECTED | SOCKET_CONNECTING)) {
		bool own = (shared_get(socket->shutdown_read) && !(events & (POLLHUP | POLLERR))) ||
			   (shared_get(socket->shutdown_read) && shared_get(socket->shutdown_write));

		if (!own)
			audit_told(hold, call, events & POLLERR ? SOME_ERROR : 0);
	} else if (events & POLLIN && state & SOCKET_CONNECTED && !shared_get(socket->shutdown_read)) {
		note_readable(socket, call, now_ns, by_select);
	}
}

bool audit_may_be_answered(const struct socket *socket, uint32_t events)
{
	return (events & (POLLIN | POLLERR | POLLHUP | POLLRDHUP)) == POLLIN && socket_is_stream(socket) &&
	       __atomic_load_n(&socket->state, __ATOMIC_RELAXED) & SOCKET_CONNECTED;
}

bool audit_may_listen(void)
{
	return !thread_is_inside() && process_generation() != 0;
}

/*
 * Holds the socket that a wait told of by its number. `turn` was the latest before the wait: a number that has been
 * given to another connection since then was told of as what it was before.
 */
static bool hold_told(struct socket_hold *hold, int fd, uint64_t turn)
{
	if (!socket_hold_open(hold, fd))
		return false;
	if (socket_entry_is_older(hold->entry, turn))
		return true;
	socket_release(hold);
	return false;
}

void audit_polled(const struct hook *hook, const struct pollfd *fds, size_t count, uint64_t turn)
{
	int saved = errno;
	uint64_t now_ns = 0;

	if (!audit_may_listen())
		return;
	audit_ahead_begin();
	for (size_t i = 0; i < count; i++) {
		uint32_t events = (uint32_t)(unsigned short)fds[i].revents;
		struct socket_hold hold;

		if (!events || !hold_told(&hold, fds[i].fd, turn))
			continue;
		audit_note_events(&hold, hook->name, events, &now_ns, false);
		if (audit_may_be_answered(hold.socket, events))
			audit_ahead_note(fds[i].fd);
		socket_release(&hold);
	}
	halt_if_due();
	errno = saved;
}

/* select has no word for HUP: it calls such a socket readable (fs/select.c POLLIN_SET). */
void audit_selected(const struct hook *hook, int limit, const void *readable, uint64_t turn)
{
	const unsigned long *in = readable;
	const int bits = 8 * (int)sizeof(unsigned long);
	int saved = errno;
	uint64_t now_ns = 0;

	if (!in || !audit_may_listen())
		return;
	for (int base = 0; base < limit; base += bits) {
		unsigned long word = in[base / bits];

		for (int fd = base; fd < limit && word; fd++, word >>= 1) {
			struct socket_hold hold;

			if (!(word & 1) || !hold_told(&hold, fd, turn))
				continue;
			audit_note_events(&hold, hook->name, POLLIN, &now_ns, true);
			socket_release(&hold);
		}
	}
	halt_if_due();
	errno = saved;
}

/* ---- asking ---- */

void audit_read_error(const struct hook *hook, int fd, int error, uint64_t turn)
{
	struct socket_hold hold;

	if (!audit_hold_as_of(&hold, fd, turn))
		return;
	if (socket_is_stream(hold.socket)) {
		socket_remember(hold.socket, hook->name, kernel_now_ns(), 0, error ? -(long)error : 0, false);
		if (error && shared_get(hold.socket->state) & (SOCKET_CONNECTED | SOCKET_CONNECTING))
			audit_told(&hold, hook->name, error);
	}
	halt_if_due();
	socket_release(&hold);
}

void audit_counted_readable(const struct hook *hook, int fd, int bytes, uint64_t turn)
{
	struct socket_hold hold;

	if (bytes || !audit_may_listen() || !hold_told(&hold, fd, turn))
		return;
	/* nothing to read though poll called it readable: that is the end, and now the program can know */
	if (socket_is_stream(hold.socket) && shared_get(hold.socket->readable) != READABLE_NOT)
		audit_told(&hold, hook->name, 0);
	socket_release(&hold);
}
