/* uring_work.c: for each sort of operation, what its end means, and that there will be none to be seen. */
#include "shim/uring_work.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "shim/kernel.h"
#include "shim/payload.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/uring_layout.h"
#include "shim/uring_table.h"

/* ---- which socket ---- */

void uring_work_hold(struct uring_work *work, struct socket *socket)
{
	work->socket = socket;
	work->cookie = socket ? socket->cookie : 0;
	work->counted = work->cookie != 0;
	if (work->counted)
		__atomic_fetch_add(&socket->in_flight, 1, __ATOMIC_ACQ_REL);
}

/* Whether the struct still stands for the same socket; its memory may have been given to another. */
static bool is_kept(const struct socket *socket, uint64_t cookie)
{
	return socket && socket->cookie == cookie && __atomic_load_n(&socket->holders, __ATOMIC_ACQUIRE) > 0;
}

/* Whether the number still means it, as far as the table knows. */
static bool is_open(const struct socket *socket, uint64_t cookie, int fd)
{
	return socket && socket_table_find(fd) == socket && socket->cookie == cookie;
}

static void release(struct uring_work *work)
{
	if (work->counted && is_kept(work->socket, work->cookie))
		__atomic_fetch_sub(&work->socket->in_flight, 1, __ATOMIC_ACQ_REL);
	work->counted = false;
}

/* ---- the end ---- */

static void set_result(int result)
{
	errno = result < 0 ? -result : 0;
}

static bool is_a_word_of_the_end(const struct uring_work *work, int result)
{
	return result < 0 && classify_is_end(-result) && socket_is_stream(work->socket);
}

/* Whether the result is one of the write itself, rather than of the ring. */
static bool answer_write(struct uring_work *work, int result, bool heard)
{
	struct audit_write *write = &work->write;
	ssize_t shown = result < 0 ? -1 : result;

	set_result(result);
	if (write->closed) {
		if (result != -ECANCELED)
			audit_write_end(write, shown);
		return false;
	}
	if (!is_open(work->socket, work->cookie, work->fd) ||
		(work->left && (write->verdict.kind || result < 0) && !audit_verify(work->socket, work->fd))) {
		audit_write_end_closed(write, shown, is_kept(work->socket, work->cookie));
		return false;
	}
	if (result == -ECANCELED) {
		audit_write_cancel(write);
		return false;
	}
	write->untold = !heard;
	if (result >= 0 && write->payload.form == PAYLOAD_MESSAGE && !work->left)
		audit_sent_message(write->payload.data);
	if (result >= 0 && write->flags & MSG_FASTOPEN)
		audit_connect_end(work->socket, work->fd, NULL, 0, 1);
	set_result(result);
	audit_write_end(write, shown);
	return !heard && is_a_word_of_the_end(work, result);
}

static bool answer_read(struct uring_work *work, int result)
{
	struct audit_read read = {work->socket, work->call, (int)work->number, work->flags};

	if (result == -EAGAIN || result == -ECANCELED || result == -ENOBUFS || result == -EINTR)
		return false;
	if (result <= 0)
		return true;
	if (!work->multishot_message && is_open(work->socket, work->cookie, work->fd))
		audit_read_end(&read, result);
	return false;
}

static void answer_connect(struct uring_work *work, int result)
{
	struct socket *socket = work->socket;
	bool undecided = result == -ECANCELED || result == -EINTR; /* it may go on without the ring */
	uint32_t over = SOCKET_CONNECT_QUEUED;

	if (!is_open(socket, work->cookie, work->fd))
		return;
	if (result < 0 && !undecided)
		over |= SOCKET_CONNECTING;
	if (result >= 0 &&
		!work->was_connected) /* or what the table found out meanwhile would pass for an earlier life */
		over |= SOCKET_CONNECTED;
	__atomic_fetch_and(&socket->state, ~over, __ATOMIC_ACQ_REL);
	if (undecided)
		return;
	set_result(result);
	audit_connect_end(socket, work->fd, work->address.bytes, work->address.length, result < 0 ? -1 : 0);
}

/* The program may have used the number already, so that the table knows it. */
static bool is_new(int fd)
{
	struct socket *socket = socket_table_find(fd);

	return (!socket || !audit_verify(socket, fd)) && probe_cookie(fd) != 0;
}

static void answer_close(struct uring_work *work, int result)
{
	set_result(result);
	if (result >= 0 || result == -EBADF)
		audit_close_by_libc_end(&work->close, result < 0 ? -1 : 0);
	else
		audit_close_undone(&work->close);
}

static void answer_close_later(struct uring_work *work, int result)
{
	if (result < 0)
		return;
	if (!work->socket && socket_table_is_other(work->fd))
		socket_table_forget(work->fd);
	else if (is_open(work->socket, work->cookie, work->fd) && work->cookie &&
		 probe_cookie(work->fd) != work->cookie)
		audit_closed_already(work->socket, work->call, work->fd);
}

static void answer_shutdown(const struct uring_work *work, int result)
{
	static const struct hook hook = {"uring_shutdown", 0};

	set_result(result);
	if (result < 0)
		audit_shut_down_failed(&hook, work->fd);
	else if (is_open(work->socket, work->cookie, work->fd))
		audit_shut_down(&hook, work->fd, (int)work->number);
}

static void answer_write_quiet(const struct uring_work *work, int result)
{
	if (result < 0 || !is_open(work->socket, work->cookie, work->fd))
		return;
	__atomic_fetch_add(&work->socket->record->writes, 1, __ATOMIC_RELAXED);
	uring_work_more((struct uring_work *)(uintptr_t)work, result);
}

/* Of the sorts that make something new, or end something. */
static void answer_other(struct uring_work *work, int result)
{
	switch (work->sort) {
	case URING_CONNECT: answer_connect(work, result); break;
	case URING_CLOSE: answer_close(work, result); break;
	case URING_CLOSE_LATER: answer_close_later(work, result); break;
	case URING_SHUTDOWN: answer_shutdown(work, result); break;
	case URING_WRITE_QUIET: answer_write_quiet(work, result); break;
	case URING_LISTEN:
		if (result == 0)
			audit_listening(work->fd);
		break;
	case URING_ACCEPT:
		if (result >= 0 && is_new(result))
			audit_accepted(work->fd, result);
		break;
	case URING_SOCKET:
		if (result >= 0 && is_new(result))
			audit_made_socket(result, work->made.domain, work->made.type, work->made.protocol);
		break;
	case URING_EPOLL:
		if (result == 0)
			audit_epoll_registered(work->fd, work->epoll.operation, work->epoll.fd, &work->epoll.event);
		break;
	case URING_NEW_FILE:
		if (result >= 0 && socket_table_is_other(result))
			socket_table_forget(result);
		break;
	default: break;
	}
}

bool uring_work_answer(struct uring_work *work, int result, bool heard, struct uring_news *news)
{
	bool tells = false;

	switch (work->sort) {
	case URING_WRITE: tells = answer_write(work, result, heard); break;
	case URING_READ: tells = answer_read(work, result); break;
	case URING_POLL: tells = work->socket && result > 0; break;
	default: answer_other(work, result); break;
	}
	if (!tells)
		return false;
	*news = (struct uring_news){
		.result = result,
		.sort = work->sort,
		.empty = work->flags,
		.fd = work->fd,
		.flags = (int)work->number,
		.call = work->call,
		.socket = work->socket,
		.cookie = work->cookie,
	};
	if (!heard)
		return true;
	uring_work_heard(news);
	return false;
}

void uring_work_heard(const struct uring_news *news)
{
	const struct hook hook = {news->call, 0};
	struct audit_read read = {news->socket, news->call, news->flags, news->empty};
	struct pollfd poll = {.fd = news->fd, .revents = (short)news->result};

	if (!is_open(news->socket, news->cookie, news->fd) || !audit_verify(news->socket, news->fd))
		return;
	if (!record_is_current(news->socket))
		record_renew(news->socket, news->fd);
	set_result(news->result);
	if (news->sort == URING_READ)
		audit_read_end(&read, news->result < 0 ? -1 : news->result);
	else if (news->sort == URING_POLL)
		audit_polled(&hook, &poll, 1);
	else
		audit_told(news->socket, news->call, -news->result);
}

void uring_work_more(struct uring_work *work, int result)
{
	if (result > 0 && (work->sort == URING_WRITE || work->sort == URING_WRITE_QUIET) &&
		is_open(work->socket, work->cookie, work->fd))
		__atomic_fetch_add(&work->socket->record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
}

/* ---- in between ---- */

void uring_work_leave(struct uring_work *work, trace_ref stack)
{
	struct msghdr message;
	struct payload header;

	work->left = true;
	if (work->sort != URING_WRITE)
		return;
	header = payload_buffer(work->write.payload.data, sizeof(message));
	if (work->write.payload.form == PAYLOAD_MESSAGE &&
		payload_first_bytes(&header, &message, sizeof(message)) == sizeof(message))
		audit_sent_message(&message);
	audit_write_under_way(&work->write, stack);
}

void uring_work_end(struct uring_work *work)
{
	release(work);
}

/* Whether it stands, the next write or poll finds out. */
static void leave_connecting(const struct uring_work *work)
{
	if (!work->left || work->was_connected || !is_open(work->socket, work->cookie, work->fd))
		return;
	errno = EINPROGRESS;
	audit_connect_end(work->socket, work->fd, work->address.bytes, work->address.length, -1);
}

void uring_work_unknown(struct uring_work *work)
{
	if (work->sort == URING_WRITE) {
		if (!work->left)
			uring_work_leave(work, 0);
		audit_write_unknown(&work->write, is_kept(work->socket, work->cookie));
	} else if (work->sort == URING_CONNECT) {
		leave_connecting(work);
	} else if (work->sort == URING_CLOSE_LATER || work->sort == URING_EPOLL) {
		answer_other(work, 0);
	}
	release(work);
	work->sort = URING_OTHER;
}

void uring_work_cancel(struct uring_work *work)
{
	if (work->sort == URING_WRITE)
		audit_write_cancel(&work->write);
	else if (work->sort == URING_CLOSE)
		audit_close_undone(&work->close);
	else if (work->sort == URING_CONNECT && is_open(work->socket, work->cookie, work->fd))
		__atomic_fetch_and(&work->socket->state,
			~(uint32_t)(SOCKET_CONNECT_QUEUED | (work->was_connected ? 0 : SOCKET_CONNECTING)),
			__ATOMIC_ACQ_REL);
	release(work);
	work->sort = URING_OTHER;
}
