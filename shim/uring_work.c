/* uring_work.c: a table of the operations, and for each sort what its beginning and its end mean. */
#include "shim/uring_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "shim/kernel.h"
#include "shim/payload.h"
#include "shim/probe.h"
#include "shim/record.h"
#include "shim/uring_layout.h"
#include "shim/uring_table.h"

#define FD_IN_FIXED (1u << 31) /* SPLICE_F_FD_IN_FIXED */

enum form { FORM_BUFFER = 0, FORM_VECTOR, FORM_MESSAGE, FORM_LENGTH };

struct kind {
	const char *call;
	uint8_t sort; /* enum uring_sort */
	uint8_t form; /* enum form: of what is written */
	bool sends; /* io_uring adds MSG_NOSIGNAL (io_uring/net.c io_sendmsg_prep); only sockets can do it */
	bool blind; /* on a registered file it may be one of a socket that goes unseen */
};

static const struct kind kinds[URING_OPS_KNOWN] = {
	[IORING_OP_WRITE] = {"uring_write", URING_WRITE, FORM_BUFFER, false, true},
	[IORING_OP_WRITE_FIXED] = {"uring_write", URING_WRITE, FORM_BUFFER, false, true},
	[IORING_OP_WRITEV] = {"uring_writev", URING_WRITE, FORM_VECTOR, false, true},
	[URING_OP_WRITEV_FIXED] = {"uring_writev", URING_WRITE, FORM_VECTOR, false, true},
	[IORING_OP_SEND] = {"uring_send", URING_WRITE, FORM_BUFFER, true, true},
	[IORING_OP_SEND_ZC] = {"uring_send_zc", URING_WRITE, FORM_BUFFER, true, true},
	[IORING_OP_SENDMSG] = {"uring_sendmsg", URING_WRITE, FORM_MESSAGE, true, true},
	[URING_OP_SENDMSG_ZC] = {"uring_sendmsg", URING_WRITE, FORM_MESSAGE, true, true},
	[IORING_OP_SPLICE] = {"uring_splice", URING_WRITE, FORM_LENGTH, false, true},
	[IORING_OP_READ] = {"uring_read", URING_READ, FORM_BUFFER, false, false},
	[IORING_OP_READ_FIXED] = {"uring_read", URING_READ, FORM_BUFFER, false, false},
	[URING_OP_READ_MULTISHOT] = {"uring_read", URING_READ, FORM_VECTOR, false, false},
	[IORING_OP_READV] = {"uring_readv", URING_READ, FORM_VECTOR, false, false},
	[URING_OP_READV_FIXED] = {"uring_readv", URING_READ, FORM_VECTOR, false, false},
	[IORING_OP_RECV] = {"uring_recv", URING_READ, FORM_BUFFER, true, true},
	[IORING_OP_RECVMSG] = {"uring_recvmsg", URING_READ, FORM_MESSAGE, true, true},
	[URING_OP_RECV_ZC] = {"uring_recv", URING_READ, FORM_MESSAGE, true, true},
	[IORING_OP_POLL_ADD] = {"uring_poll", URING_POLL, 0, false, false},
	[IORING_OP_CONNECT] = {"uring_connect", URING_CONNECT, 0, false, true},
	[IORING_OP_ACCEPT] = {"uring_accept", URING_ACCEPT, 0, false, true},
	[IORING_OP_SOCKET] = {"uring_socket", URING_SOCKET, 0, false, true},
	[URING_OP_LISTEN] = {"uring_listen", URING_LISTEN, 0, false, true},
	[IORING_OP_SHUTDOWN] = {"uring_shutdown", URING_SHUTDOWN, 0, false, true},
	[IORING_OP_CLOSE] = {"uring_close", URING_CLOSE, 0, false, false},
	[IORING_OP_OPENAT] = {"", URING_NEW_FILE, 0, false, false},
	[IORING_OP_OPENAT2] = {"", URING_NEW_FILE, 0, false, false},
	[URING_OP_FIXED_FD_INSTALL] = {"", URING_NEW_FILE, 0, false, false},
};

/* ---- which socket ---- */

static void hold(struct uring_work *work, struct socket *socket)
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

/* ---- the beginning ---- */

static struct payload payload_of(const struct io_uring_sqe *sqe, uint8_t form)
{
	const void *address = (const void *)(uintptr_t)sqe->addr;

	if (sqe->flags & IOSQE_BUFFER_SELECT || form == FORM_LENGTH)
		return payload_none(sqe->len);
	if (form == FORM_MESSAGE)
		return payload_message(address);
	if (form == FORM_VECTOR || (sqe->opcode != IORING_OP_WRITE && sqe->ioprio & URING_SEND_VECTORIZED))
		return payload_vector(address, (int)sqe->len);
	return payload_buffer(address, sqe->len);
}

/* A worker thread of the kernel's (IOSQE_ASYNC) raises no SIGPIPE: measured on Linux 6.18. */
static int flags_of(const struct io_uring_sqe *sqe, const struct kind *kind)
{
	if (kind->sends)
		return (int)(sqe->msg_flags | MSG_NOSIGNAL);
	if (sqe->flags & IOSQE_ASYNC || (sqe->opcode != IORING_OP_SPLICE && sqe->rw_flags & URING_WRITE_NO_SIGNAL))
		return MSG_NOSIGNAL;
	return 0;
}

static void begin_read(struct uring_work *work, const struct io_uring_sqe *sqe, const struct kind *kind, int fd)
{
	struct socket *socket = audit_socket(fd);

	work->sort = socket ? URING_READ : URING_OTHER;
	if (!socket)
		return;
	hold(work, socket);
	work->fd = fd;
	work->number = kind->sends ? sqe->msg_flags : 0;
	work->flags = kind->form == FORM_BUFFER && sqe->len == 0 && !(sqe->flags & IOSQE_BUFFER_SELECT);
	work->multishot_message = sqe->opcode == IORING_OP_RECVMSG && sqe->ioprio & URING_RECV_MULTISHOT;
}

static void begin_write(struct uring_work *work, const struct io_uring_sqe *sqe, const struct kind *kind)
{
	struct socket *socket = audit_socket(sqe->fd);

	if (socket && __atomic_load_n(&socket->state, __ATOMIC_ACQUIRE) & SOCKET_CONNECT_QUEUED) {
		work->sort = URING_WRITE_QUIET;
		hold(work, socket);
	} else if (audit_write_begin_slow(
			   &work->write, kind->call, sqe->fd, payload_of(sqe, kind->form), flags_of(sqe, kind))) {
		hold(work, work->write.closed ? NULL : work->write.socket);
	} else if (sqe->opcode == IORING_OP_SPLICE && !(sqe->splice_flags & FD_IN_FIXED)) {
		begin_read(work, sqe, kind, sqe->splice_fd_in);
	} else {
		work->sort = URING_OTHER;
	}
}

/* The kernel copies the address at the submission (io_uring/net.c io_connect_prep): later it may be gone. */
static void begin_connect(struct uring_work *work, const struct io_uring_sqe *sqe)
{
	struct payload address = payload_buffer((const void *)(uintptr_t)sqe->addr, (size_t)sqe->off);
	struct socket *socket = audit_connect_begin(sqe->fd);

	if (!socket) {
		work->sort = URING_OTHER;
		return;
	}
	hold(work, socket);
	work->address.length =
		(uint32_t)payload_first_bytes(&address, work->address.bytes, sizeof(work->address.bytes));
	work->was_connected = socket->state & SOCKET_CONNECTED;
	__atomic_fetch_or(&socket->state, SOCKET_CONNECT_QUEUED | (work->was_connected ? 0 : SOCKET_CONNECTING),
		__ATOMIC_ACQ_REL);
}

static void begin_close(struct uring_work *work, const struct io_uring_sqe *sqe, bool waits)
{
	if (waits || sqe->flags & (IOSQE_ASYNC | IOSQE_IO_DRAIN)) {
		work->sort = URING_CLOSE_LATER;
		work->socket = socket_table_find(sqe->fd);
		work->cookie = work->socket ? work->socket->cookie : 0;
		return;
	}
	audit_close_by_libc_begin(&work->close, work->call, sqe->fd);
}

static void begin(struct uring_work *work, const struct io_uring_sqe *sqe, const struct kind *kind, bool waits)
{
	switch (work->sort) {
	case URING_WRITE: begin_write(work, sqe, kind); break;
	case URING_READ: begin_read(work, sqe, kind, sqe->fd); break;
	case URING_CONNECT: begin_connect(work, sqe); break;
	case URING_CLOSE: begin_close(work, sqe, waits); break;
	case URING_POLL: hold(work, audit_socket(sqe->fd)); break;
	case URING_SHUTDOWN:
		work->socket = socket_table_find(sqe->fd);
		work->cookie = work->socket ? work->socket->cookie : 0;
		work->number = sqe->len;
		break;
	case URING_SOCKET:
		work->made.domain = sqe->fd;
		work->made.type = (int)sqe->off;
		work->made.protocol = (int)sqe->len;
		break;
	default: break;
	}
}

/* Whether it makes, or closes, a descriptor that only this ring knows. */
static bool is_direct(const struct io_uring_sqe *sqe, uint8_t sort)
{
	return sqe->file_index &&
	       (sort == URING_ACCEPT || sort == URING_SOCKET || sort == URING_CLOSE || sort == URING_NEW_FILE) &&
	       sqe->opcode != URING_OP_FIXED_FD_INSTALL;
}

bool uring_work_begin(struct uring_work *work, const struct io_uring_sqe *sqe, bool waits)
{
	const struct kind *kind;

	work->skips = sqe->flags & IOSQE_CQE_SKIP_SUCCESS;
	work->fd = sqe->fd;
	if (sqe->opcode >= URING_OPS_KNOWN)
		return false;
	kind = &kinds[sqe->opcode];
	if ((sqe->flags & IOSQE_FIXED_FILE && sqe->opcode != URING_OP_FIXED_FD_INSTALL) || is_direct(sqe, kind->sort))
		return !kind->blind;
	work->call = kind->call;
	work->sort = kind->sort;
	begin(work, sqe, kind, waits);
	return true;
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
	if (!is_open(work->socket, work->cookie, work->fd) || (work->left && !audit_verify(work->socket, work->fd))) {
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

void uring_work_unknown(struct uring_work *work)
{
	if (work->sort == URING_WRITE) {
		if (!work->left)
			uring_work_leave(work, 0);
		audit_write_unknown(&work->write, is_kept(work->socket, work->cookie));
	} else if (work->sort == URING_CONNECT && is_open(work->socket, work->cookie, work->fd)) {
		__atomic_fetch_and(&work->socket->state, ~(uint32_t)SOCKET_CONNECT_QUEUED, __ATOMIC_ACQ_REL);
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
