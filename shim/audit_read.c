/*
 * audit_read.c: how the program is told: by a read, by poll, select or epoll, by SO_ERROR.
 *
 * No system call is made here, but for settling bytes that an incident left pending. What poll and its like say of a socket with
 * nothing wrong costs a look into the table.
 */
#include "shim/audit.h"
#include "shim/audit_ahead.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <string.h>

#include "shim/backtrace.h"
#include "shim/kernel.h"
#include "shim/probe.h"
#include "shim/process.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

/* Stands for "poll said ERR": which error it is, only SO_ERROR would tell, and that is the program's to read. */
#define SOME_ERROR EIO

bool audit_read_begin_slow(struct audit_read *read, const char *call, int fd, bool empty, int flags)
{
	struct socket *socket = audit_socket(fd);

	if (!socket)
		return false;
	if (!record_is_current(socket)) {
		if (process_is_borrowed())
			return false;
		record_renew(socket, fd);
	}
	read->socket = socket;
	read->call = call;
	read->flags = flags;
	read->empty = empty;
	return true;
}

/*
 * A read that took bytes, or found the end, is proof that the connection stood, though no poll and no getsockopt had shown that the
 * connect came about: Node's, or a program that just reads. What the end and an error are proof of depends: after a connect that
 * failed, once its error was taken, a read finds 0 as well (net/ipv4/tcp.c tcp_recvmsg_locked looks at sk_shutdown, which
 * tcp_done has set). So there the kernel is asked; where it may not be, or cannot say, what counts is that no such error was seen.
 */
static bool proves_connection(const struct audit_read *read, ssize_t result, int error)
{
	struct socket *socket = read->socket;
	struct probe_tcp tcp;

	if (result > 0)
		return true;
	if (result == 0 ? read->empty : !classify_is_end(error))
		return false;
	if (socket->protocol != TRACE_TCP)
		return result == 0; /* unix_stream_read_generic and unix_seqpacket_recvmsg fail where it never stood */
	if (audit_may_probe() && audit_verify(socket, socket->fd) && probe_tcp(socket->fd, &tcp))
		return classify_has_connected(tcp.state, tcp.acked_bytes);
	return result == 0 && (socket->state & (SOCKET_CONNECTING | SOCKET_TOLD)) == SOCKET_CONNECTING;
}

static void note_connection(const struct audit_read *read, ssize_t result, int error)
{
	struct socket *socket = read->socket;

	if (!socket_is_stream(socket) || read->flags & MSG_ERRQUEUE || !record_is_current(socket) ||
		!proves_connection(read, result, error))
		return;
	socket_set_connected(socket, kernel_now_ns());
	if (audit_may_probe())
		record_addresses(socket, socket->fd);
}

/* A read of nothing is the end of a stream, unless the program shut that half itself. */
static void read_nothing(const struct audit_read *read)
{
	const struct socket *socket = read->socket;

	if (read->empty || socket->shutdown_read || !(socket->state & SOCKET_CONNECTED) ||
		read->flags & (MSG_OOB | MSG_ERRQUEUE))
		return;
	if (socket->protocol == TRACE_TCP || socket->protocol == TRACE_UNIX_STREAM)
		audit_told(read->socket, read->call, 0);
	else if (socket->protocol == TRACE_UNIX_SEQPACKET && audit_may_probe()) {
		/* an empty packet reads the same: ask which it was (the poll takes nothing away) */
		struct pollfd poll = {.fd = socket->fd, .events = POLLRDHUP};
		struct timespec now = {0, 0};

		long result = kernel_call5(SYS_ppoll, &poll, 1, &now, NULL, 0);

		if (result < 0 && audit_may_probe())
			trace_log_lost(TRACE_LOST_NO_ANSWER);
		if (result > 0 && poll.revents & (POLLRDHUP | POLLHUP))
			audit_told(read->socket, read->call, 0);
	}
}

ssize_t audit_read_end(struct audit_read *read, ssize_t result)
{
	int saved = errno;
	struct socket *socket = read->socket;
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_RELAXED);

	if (!(state & SOCKET_CONNECTED))
		note_connection(read, result, saved);
	if (result > 0) {
		if (!(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
			__atomic_fetch_add(&socket->record->bytes_received, (uint64_t)result, __ATOMIC_RELAXED);
	} else if (result == 0) {
		read_nothing(read);
	} else if (saved != EAGAIN && classify_is_end(saved) && socket_is_stream(socket)) {
		audit_told(socket, read->call, saved);
	}
	if (socket->readable != READABLE_NOT && !(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
		socket->readable = READABLE_NOT;
	if (result >= 0 || saved != EAGAIN)
		socket_remember(socket, read->call, kernel_now_ns(), result > 0 ? (size_t)result : 0,
			result < 0 ? -(long)saved : result, false);
	if (state & SOCKET_PENDING)
		audit_settle(socket, socket->fd, false);
	errno = saved;
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

/* Should there turn out to be nothing but the end to read, this told of it. Plain stores: it is on the way of every event. */
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
 * In SYN_SENT poll says nothing, and a connect that failed is HUP and ERR, so that anything else shows that it came about
 * (net/ipv4/tcp.c tcp_poll). select has no words for those two: there "readable" shows nothing.
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

/* What the kernel said of one socket. POLLIN and the others have the same values for poll and epoll. */
static void note_events(struct socket *socket, const char *call, uint32_t events, uint64_t *now_ns, bool by_select)
{
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_RELAXED);

	if (!socket_is_stream(socket) || (socket->record->flags & TRACE_SOCKET_LISTENS && !(state & SOCKET_CONNECTED)))
		return;
	if (state & SOCKET_CONNECTING && shows_connection(events, by_select) && record_is_current(socket)) {
		note_connected(socket, now_ns);
		state |= SOCKET_CONNECTED;
	}
	/* an end is always HUP or RDHUP too; ERR alone is a notice in the error queue (MSG_ZEROCOPY), or an error that passes */
	if (events & (POLLHUP | POLLRDHUP) && state & (SOCKET_CONNECTED | SOCKET_CONNECTING)) {
		bool own = (socket->shutdown_read && !(events & (POLLHUP | POLLERR))) ||
			   (socket->shutdown_read && socket->shutdown_write);

		if (!own)
			audit_told(socket, call, events & POLLERR ? SOME_ERROR : 0);
	} else if (events & POLLIN && state & SOCKET_CONNECTED && !socket->shutdown_read) {
		note_readable(socket, call, now_ns, by_select);
	}
}

/* Connected, with input, and no word of an end. */
static bool may_be_answered(const struct socket *socket, uint32_t events)
{
	return (events & (POLLIN | POLLERR | POLLHUP | POLLRDHUP)) == POLLIN && socket_is_stream(socket) &&
	       __atomic_load_n(&socket->state, __ATOMIC_RELAXED) & SOCKET_CONNECTED;
}

static bool may_listen(void)
{
	return !thread_is_inside() && process_generation() != 0;
}

void audit_polled(const struct hook *hook, const struct pollfd *fds, size_t count)
{
	int saved = errno;
	uint64_t now_ns = 0;

	if (!may_listen())
		return;
	audit_ahead_begin();
	for (size_t i = 0; i < count; i++) {
		uint32_t events = (uint32_t)(unsigned short)fds[i].revents;
		struct socket *socket;

		if (!events)
			continue;
		socket = socket_table_find(fds[i].fd);
		if (!socket)
			continue;
		note_events(socket, hook->name, events, &now_ns, false);
		if (may_be_answered(socket, events))
			audit_ahead_note(fds[i].fd);
	}
	errno = saved;
}

/* select has no word for HUP: it calls such a socket readable (fs/select.c POLLIN_SET). */
void audit_selected(const struct hook *hook, int limit, const void *readable)
{
	const unsigned long *in = readable;
	const int bits = 8 * (int)sizeof(unsigned long);
	int saved = errno;
	uint64_t now_ns = 0;

	if (!in || !may_listen())
		return;
	for (int base = 0; base < limit; base += bits) {
		unsigned long word = in[base / bits];

		for (int fd = base; fd < limit && word; fd++, word >>= 1) {
			struct socket *socket = word & 1 ? socket_table_find(fd) : NULL;

			if (socket)
				note_events(socket, hook->name, POLLIN, &now_ns, true);
		}
	}
	errno = saved;
}

/*
 * epoll hands back 64 bits of the program's own, often a pointer. Which descriptor they stand for is learnt when it is
 * registered: kept with the socket, and in a cache by hash that leads to the descriptor at once.
 */
#define REGISTERED 16384u

static int32_t registered[REGISTERED]; /* fd + 1 */

static int32_t *registered_place(int epoll_fd, uint64_t data)
{
	uint64_t hash = (data ^ (uint64_t)(uint32_t)epoll_fd << 48) * 0x9e3779b97f4a7c15u;

	return &registered[hash >> 50];
}

static const struct registration *registration_of(const struct socket *socket, int epoll_fd, uint64_t data)
{
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		if (socket->registrations[i].epoll_fd == epoll_fd && socket->registrations[i].data == data)
			return &socket->registrations[i];
	return NULL;
}

void audit_epoll_registered(int epoll_fd, int operation, int fd, const struct epoll_event *event)
{
	struct socket *socket = audit_socket(fd);
	struct registration *place = NULL;

	/* no look whether the memory is borrowed: this call is too frequent, and a wrong entry tells nobody anything */
	if (!socket)
		return;
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		if (socket->registrations[i].epoll_fd == epoll_fd)
			place = &socket->registrations[i];
	for (int i = 0; i < SOCKET_REGISTRATIONS && !place; i++)
		if (socket->registrations[i].epoll_fd == -1)
			place = &socket->registrations[i];
	if (operation == EPOLL_CTL_DEL) {
		if (place && place->epoll_fd == epoll_fd)
			place->epoll_fd = -1;
		return;
	}
	if (!place) {
		socket->registrations[1] = socket->registrations[0];
		place = &socket->registrations[0];
	}
	place->data = event->data.u64;
	place->events = event->events;
	place->epoll_fd = epoll_fd;
	__atomic_store_n(registered_place(epoll_fd, place->data), fd + 1, __ATOMIC_RELEASE);
}

/* What the program registered with some bits. */
struct registered {
	int fd;
	struct socket *socket;
	const struct registration *registration;
};

static bool is_registered_as(int fd, int epoll_fd, uint64_t data, struct registered *found)
{
	found->fd = fd;
	found->socket = socket_table_find(fd);
	found->registration = found->socket ? registration_of(found->socket, epoll_fd, data) : NULL;
	return found->registration != NULL;
}

/* `thorough`: worth looking through all of them. */
static bool find_registered(int epoll_fd, uint64_t data, bool thorough, struct registered *found)
{
	int fd = __atomic_load_n(registered_place(epoll_fd, data), __ATOMIC_ACQUIRE) - 1;

	if (fd >= 0 && is_registered_as(fd, epoll_fd, data, found))
		return true;
	for (fd = 0; thorough && fd < socket_table_limit(); fd++)
		if (is_registered_as(fd, epoll_fd, data, found))
			return true;
	return false;
}

/* A connection is about to be answered. Where the kernel was asked for the end as well, it has just said that there is none. */
static void look_forward(const struct registered *told, uint64_t *now_ns)
{
	audit_ahead_note(told->fd);
	if (!(told->registration->events & EPOLLRDHUP))
		return;
	if (!*now_ns)
		*now_ns = kernel_now_ns();
	audit_ahead_clean(told->socket, *now_ns - AHEAD_WAITED_NS, __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE));
}

void audit_epoll_waited(const struct hook *hook, int epoll_fd, const struct epoll_event *events, int count)
{
	int saved = errno;
	uint64_t now_ns = 0;

	if (!may_listen())
		return;
	audit_ahead_begin();
	for (int i = 0; i < count; i++) {
		bool over = events[i].events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR);
		struct registered told;

		if (!find_registered(epoll_fd, events[i].data.u64, over, &told))
			continue;
		note_events(told.socket, hook->name, events[i].events, &now_ns, false);
		if (may_be_answered(told.socket, events[i].events))
			look_forward(&told, &now_ns);
	}
	errno = saved;
}

/* ---- asking ---- */

void audit_read_error(const struct hook *hook, int fd, int error)
{
	struct socket *socket = audit_socket(fd);

	if (!socket || !socket_is_stream(socket))
		return;
	socket_remember(socket, hook->name, kernel_now_ns(), 0, error ? -(long)error : 0, false);
	if (error && socket->state & (SOCKET_CONNECTED | SOCKET_CONNECTING))
		audit_told(socket, hook->name, error);
}

void audit_counted_readable(const struct hook *hook, int fd, int bytes)
{
	struct socket *socket = bytes == 0 ? socket_table_find(fd) : NULL;

	/* nothing to read though poll called it readable: that is the end, and now the program can know */
	if (socket && may_listen() && socket_is_stream(socket) && socket->readable != READABLE_NOT)
		audit_told(socket, hook->name, 0);
}
