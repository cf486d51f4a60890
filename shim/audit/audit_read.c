/*
 * audit_read.c: how the program is told: by a read, by poll, select or epoll, by SO_ERROR.
 *
 * No system call is made here, but for settling bytes that an incident left pending. What poll and its like say of a
 * socket with nothing wrong costs a look into the table.
 */
#include "shim/audit/audit.h"
#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_told.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/select.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"

/* Stands for "poll said ERR": which error it is, only SO_ERROR would tell, and that is the program's to read. */
#define SOME_ERROR EIO

bool audit_read_begin_slow(struct audit_read *read, const char *call, int fd, bool empty, int flags)
{
	if (!audit_hold(&read->hold, fd))
		return false;
	if (!record_is_current(read->hold.socket)) {
		if (process_is_borrowed()) {
			socket_release(&read->hold);
			return false;
		}
		record_renew(&read->hold);
	}
	read->socket = read->hold.socket;
	read->call = call;
	read->flags = flags;
	read->empty = empty;
	return true;
}

/*
 * A read that took bytes, or found the end, is proof that the connection stood, though no poll and no getsockopt had
 * shown that the connect came about: Node's, or a program that just reads. What the end and an error are proof of
 * depends: after a connect that failed, once its error was taken, a read finds 0 as well (net/ipv4/tcp.c
 * tcp_recvmsg_locked looks at sk_shutdown, which tcp_done has set). So there the kernel is asked. Where it may not be,
 * or cannot say (no tcpi_bytes_acked), the end counts if no such error was seen, and ECONNRESET counts: a connect that
 * is under way is refused instead (net/ipv4/tcp_input.c tcp_reset).
 */
static bool proves_connection(const struct audit_read *read, ssize_t result, int error)
{
	const struct socket *socket = read->socket;
	struct probe_tcp tcp;

	if (result > 0)
		return true;
	if (result == 0 ? read->empty : !classify_is_end(error))
		return false;
	if (socket->protocol != TRACE_TCP)
		return result == 0; /* unix_stream_read_generic and unix_seqpacket_recvmsg fail where it never stood */
	if (audit_may_probe() && audit_verify(&read->hold) && probe_tcp(read->hold.fd, &tcp) &&
		socket_hold_is_current(&read->hold) && !(tcp.acked_unknown && tcp.state == TCP_CLOSE))
		return classify_has_connected(tcp.state, tcp.acked_bytes);
	return (result == 0 || error == ECONNRESET) &&
	       (socket->state & (SOCKET_CONNECTING | SOCKET_TOLD)) == SOCKET_CONNECTING;
}

static void note_connection(const struct audit_read *read, ssize_t result, int error)
{
	struct socket *socket = read->socket;

	if (!socket_is_stream(socket) || read->flags & MSG_ERRQUEUE || !record_is_current(socket) ||
		!proves_connection(read, result, error))
		return;
	socket_set_connected(socket, kernel_now_ns());
	if (audit_may_probe())
		record_addresses(read->hold.record, read->hold.fd);
}

/* An empty packet reads as the end does: ask which it was (the poll takes nothing away). */
static bool is_end_of_packets(const struct socket_hold *hold)
{
	struct pollfd poll = {.fd = hold->fd, .events = POLLRDHUP};
	struct timespec now = {0, 0};
	long result;

	if (!audit_may_probe())
		return false;
	result = kernel_call5(SYS_ppoll, &poll, 1, &now, NULL, 0);
	if (result < 0 && audit_may_probe())
		trace_log_lost(TRACE_LOST_NO_ANSWER);
	return result > 0 && poll.revents & (POLLRDHUP | POLLHUP) && socket_hold_is_current(hold);
}

/* A read of nothing is the end of a stream, unless the program shut that half itself. */
static void read_nothing(struct audit_read *read)
{
	const struct socket *socket = read->socket;

	if (read->empty || socket->shutdown_read || !(socket->state & SOCKET_CONNECTED) ||
		read->flags & (MSG_OOB | MSG_ERRQUEUE))
		return;
	if (socket->protocol == TRACE_TCP || socket->protocol == TRACE_UNIX_STREAM ||
		(socket->protocol == TRACE_UNIX_SEQPACKET && is_end_of_packets(&read->hold)))
		audit_told(&read->hold, read->call, 0);
}

static void book(struct audit_read *read, ssize_t result, int error)
{
	struct socket *socket = read->socket;
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_RELAXED);

	if (!(state & SOCKET_CONNECTED))
		note_connection(read, result, error);
	if (result > 0) {
		if (!(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
			__atomic_fetch_add(&read->hold.record->bytes_received, (uint64_t)result, __ATOMIC_RELAXED);
	} else if (result == 0) {
		read_nothing(read);
	} else if (error != EAGAIN && classify_is_end(error) && socket_is_stream(socket)) {
		audit_told(&read->hold, read->call, error);
	}
	if (socket->readable != READABLE_NOT && !(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
		socket->readable = READABLE_NOT;
	if (result >= 0 || error != EAGAIN)
		socket_remember(socket, read->call, kernel_now_ns(), result > 0 ? (size_t)result : 0,
			result < 0 ? -(long)error : result, false);
	if (state & SOCKET_PENDING)
		audit_settle(&read->hold, false);
}

void audit_read_result(struct audit_read *read, ssize_t result)
{
	int saved = errno;

	if (socket_hold_is_current(&read->hold))
		book(read, result, saved);
	else if (result >= 0 || (saved != EAGAIN && saved != EBADF && saved != EINTR)) /* those told nothing */
		audit_result_is_stale();
	halt_if_due();
	errno = saved;
}

ssize_t audit_read_end(struct audit_read *read, ssize_t result)
{
	audit_read_result(read, result);
	socket_release(&read->hold);
	return result;
}

void audit_received_message(const struct msghdr *message)
{
	if (message->msg_controllen < sizeof(struct cmsghdr))
		return;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control;
		control = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message, control)) {
		size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		if (!process_ready() || process_is_borrowed())
			return;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
			socket_table_set_passed(fd);
		}
	}
}

/* ---- poll and its like ---- */

/*
 * Should there turn out to be nothing but the end to read, this told of it. Plain stores: it is on the way of every
 * event.
 */
static void note_readable(struct socket *socket, const char *call, uint64_t *now_ns, bool by_select)
{
	if (!by_select) {
		if (socket->readable == READABLE_NOT)
			socket->readable = READABLE_BY_POLL;
		return;
	}
	if (socket->readable == READABLE_BY_SELECT)
		return;
	if (!*now_ns)
		*now_ns = kernel_now_ns();
	socket->readable_ns = *now_ns;
	socket->readable_call = call;
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

	if (!socket_is_stream(socket) || (hold->record->flags & TRACE_SOCKET_LISTENS && !(state & SOCKET_CONNECTED)))
		return;
	if (state & SOCKET_CONNECTING && shows_connection(events, by_select) && record_is_current(socket)) {
		note_connected(socket, now_ns);
		state |= SOCKET_CONNECTED;
	}
	/*
	 * an end is always HUP or RDHUP too; ERR alone is a notice in the error queue (MSG_ZEROCOPY), or an error that passes
	 */
	if (events & (POLLHUP | POLLRDHUP) && state & (SOCKET_CONNECTED | SOCKET_CONNECTING)) {
		bool own = (socket->shutdown_read && !(events & (POLLHUP | POLLERR))) ||
			   (socket->shutdown_read && socket->shutdown_write);

		if (!own)
			audit_told(hold, call, events & POLLERR ? SOME_ERROR : 0);
	} else if (events & POLLIN && state & SOCKET_CONNECTED && !socket->shutdown_read) {
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
		if (error && hold.socket->state & (SOCKET_CONNECTED | SOCKET_CONNECTING))
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
	if (socket_is_stream(hold.socket) && hold.socket->readable != READABLE_NOT)
		audit_told(&hold, hook->name, 0);
	socket_release(&hold);
}
