/*
 * audit_read.c: the way of a read.
 *
 * No system call is made here, but for settling bytes that an incident left pending.
 */
#include "shim/audit/audit_read.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
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
#include "shim/trace/trace_log.h"
#include "shim/verdict/classify.h"
#include "shim/verdict/halt.h"

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
	       (shared_get(socket->state) & (SOCKET_CONNECTING | SOCKET_TOLD)) == SOCKET_CONNECTING;
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

	if (read->empty || shared_get(socket->shutdown_read) || !(shared_get(socket->state) & SOCKET_CONNECTED) ||
		read->flags & (MSG_OOB | MSG_ERRQUEUE))
		return;
	if (socket->protocol == TRACE_TCP || socket->protocol == TRACE_UNIX_STREAM ||
		(socket->protocol == TRACE_UNIX_SEQPACKET && is_end_of_packets(&read->hold)))
		audit_told(&read->hold, read->call, 0);
}

static void book_bytes(struct audit_read *read, ssize_t result)
{
	if (result > 0 && !(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
		__atomic_fetch_add(&read->hold.record->bytes_received, (uint64_t)result, __ATOMIC_RELAXED);
}

static void book(struct audit_read *read, ssize_t result, int error)
{
	struct socket *socket = read->socket;
	uint32_t state = __atomic_load_n(&socket->state, __ATOMIC_RELAXED);

	if (!(state & SOCKET_CONNECTED))
		note_connection(read, result, error);
	book_bytes(read, result);
	if (result == 0)
		read_nothing(read);
	else if (result < 0 && error != EAGAIN && classify_is_end(error) && socket_is_stream(socket))
		audit_told(&read->hold, read->call, error);
	if (shared_get(socket->readable) != READABLE_NOT && !(read->flags & (MSG_PEEK | MSG_ERRQUEUE)))
		shared_set(socket->readable, READABLE_NOT);
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
	else if (result >= 0 && audit_was_closed_after(&read->hold))
		book_bytes(read, result);
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
