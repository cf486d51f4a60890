/* uring_work.c: for each sort of operation, what its end means, and that there will be none to be seen. */
#include "shim/uring/uring_work.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_epoll.h"
#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_late.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_write.h"
#include "shim/base/kernel.h"
#include "shim/base/shared.h"
#include "shim/socket/payload.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"

/* ---- which socket ---- */

void uring_work_keep(struct uring_work *work, const struct socket_hold *hold)
{
	work->hold = *hold;
	work->hold.slot = NULL;
	socket_keep(hold->socket);
}

void uring_work_hold(struct uring_work *work, const struct socket_hold *hold)
{
	uring_work_keep(work, hold);
	work->counted = shared_get(hold->socket->cookie) != 0;
	if (work->counted)
		__atomic_fetch_add(&hold->socket->in_flight, 1, __ATOMIC_ACQ_REL);
}

/* Whether the number still means the connection that it did when the operation was submitted. */
static bool is_open(const struct socket_hold *hold)
{
	return hold->socket && socket_hold_is_current(hold);
}

/* ---- the end ---- */

static void set_result(int result)
{
	errno = result < 0 ? -result : 0;
}

static bool is_a_word_of_the_end(const struct uring_work *work, int result)
{
	return result < 0 && classify_is_end(-result) && socket_is_stream(work->hold.socket);
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
	if (!is_open(&work->hold) ||
		(work->left && (write->verdict.kind || result < 0) && !audit_verify(&work->hold))) {
		if (work->is_certain)
			audit_write_end_closed(write, shown);
		else
			audit_write_end_stale(write, shown);
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
		audit_connected(&write->hold, NULL, 0, 1, audit_connects_again(write->hold.socket));
	set_result(result);
	audit_write_end(write, shown);
	return !heard && is_a_word_of_the_end(work, result);
}

static bool answer_read(struct uring_work *work, int result)
{
	struct audit_read read = {work->hold, work->hold.socket, work->call, (int)work->number, work->flags};

	if (result == -EAGAIN || result == -ECANCELED || result == -ENOBUFS || result == -EINTR)
		return false;
	if (result <= 0)
		return true;
	if (!work->multishot_message)
		audit_read_result(&read, result);
	return false;
}

static void connected(struct uring_work *work, int result)
{
	audit_connected(&work->hold, work->address.bytes, work->address.length, result,
		audit_connects_again(work->hold.socket));
}

static void answer_connect(struct uring_work *work, int result)
{
	bool undecided = result == -ECANCELED || result == -EINTR; /* it may go on without the ring */
	uint32_t over = SOCKET_CONNECT_QUEUED;

	if (!is_open(&work->hold))
		return;
	if (result < 0 && !undecided)
		over |= SOCKET_CONNECTING;
	if (result >= 0 &&
		!work->was_connected) /* or what the table found out meanwhile would pass for an earlier life */
		over |= SOCKET_CONNECTED;
	__atomic_fetch_and(&work->hold.socket->state, ~over, __ATOMIC_ACQ_REL);
	if (undecided)
		return;
	set_result(result);
	connected(work, result < 0 ? -1 : 0);
}

/* The program may have used the number already, so that the table knows it. */
static bool is_new(int fd)
{
	struct socket_hold hold;
	bool is_known = socket_hold_open(&hold, fd) && audit_verify(&hold);

	socket_release(&hold);
	return !is_known && probe_cookie(fd) != 0;
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
	if (!work->hold.socket && socket_table_is_other(work->fd))
		socket_table_forget(work->fd);
	else if (is_open(&work->hold) && shared_get(work->hold.socket->cookie) &&
		 probe_cookie(work->fd) != shared_get(work->hold.socket->cookie))
		audit_closed_already(&work->hold, work->call);
}

static void answer_shutdown(const struct uring_work *work, int result)
{
	static const struct hook hook = {"uring_shutdown", 0};

	set_result(result);
	if (result < 0)
		audit_shut_down_failed(&hook, work->fd);
	else if (is_open(&work->hold))
		audit_shut_down(&hook, work->fd, (int)work->number, work->hold.entry >> ENTRY_TURN_SHIFT);
}

static void answer_write_quiet(const struct uring_work *work, int result)
{
	if (result < 0 || !is_open(&work->hold))
		return;
	__atomic_fetch_add(&work->hold.record->writes, 1, __ATOMIC_RELAXED);
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
			audit_listening(work->fd, work->turn);
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
			audit_epoll_registered(
				work->fd, work->epoll.operation, work->epoll.fd, &work->epoll.event, work->epoll.turn);
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
	case URING_POLL: tells = work->hold.socket && result > 0; break;
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
		.hold = work->hold,
	};
	socket_keep(news->hold.socket);
	if (!heard)
		return true;
	uring_work_heard(news);
	return false;
}

static void tell(struct uring_news *news)
{
	const struct hook hook = {news->call, 0};
	struct audit_read read = {news->hold, news->hold.socket, news->call, news->flags, news->empty};
	struct pollfd poll = {.fd = news->fd, .revents = (short)news->result};

	if (!is_open(&news->hold) || !audit_verify(&news->hold))
		return;
	record_renew(&news->hold);
	read.hold = news->hold;
	set_result(news->result);
	if (news->sort == URING_READ)
		audit_read_result(&read, news->result < 0 ? -1 : news->result);
	else if (news->sort == URING_POLL)
		audit_polled(&hook, &poll, 1, news->hold.entry >> ENTRY_TURN_SHIFT);
	else
		audit_told(&news->hold, news->call, -news->result);
}

void uring_work_heard(struct uring_news *news)
{
	tell(news);
	socket_release(&news->hold);
}

void uring_work_more(struct uring_work *work, int result)
{
	if (result > 0 && (work->sort == URING_WRITE || work->sort == URING_WRITE_QUIET) &&
		(work->is_certain ? socket_hold_is_ours(&work->hold) : is_open(&work->hold)))
		__atomic_fetch_add(&work->hold.record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
}

/* ---- in between ---- */

void uring_work_leave(struct uring_work *work, trace_ref stack)
{
	struct msghdr message;
	struct payload header;

	work->left = true;
	work->is_certain = !work->waits && is_open(&work->hold);
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
	uring_work_release(work);
}

/* Whether it stands, the next write or poll finds out. */
static void leave_connecting(struct uring_work *work)
{
	if (!work->left || work->was_connected || !is_open(&work->hold))
		return;
	errno = EINPROGRESS;
	connected(work, -1);
}

void uring_work_unknown(struct uring_work *work)
{
	if (work->sort == URING_WRITE) {
		if (!work->left)
			uring_work_leave(work, 0);
		audit_write_unknown(&work->write);
	} else if (work->sort == URING_CONNECT) {
		leave_connecting(work);
	} else if (work->sort == URING_CLOSE_LATER || work->sort == URING_EPOLL) {
		answer_other(work, 0);
	}
	uring_work_release(work);
	work->sort = URING_OTHER;
}

void uring_work_cancel(struct uring_work *work)
{
	if (work->sort == URING_WRITE)
		audit_write_cancel(&work->write);
	else if (work->sort == URING_CLOSE)
		audit_close_undone(&work->close);
	else if (work->sort == URING_CONNECT && is_open(&work->hold))
		__atomic_fetch_and(&work->hold.socket->state,
			~(uint32_t)(SOCKET_CONNECT_QUEUED | (work->was_connected ? 0 : SOCKET_CONNECTING)),
			__ATOMIC_ACQ_REL);
	uring_work_release(work);
	work->sort = URING_OTHER;
}
