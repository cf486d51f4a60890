/* uring_begin.c: a table of the operations, and what the beginning of each means. */

#include <fcntl.h>
#include <poll.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_write.h"
#include "shim/base/shared.h"
#include "shim/socket/payload.h"
#include "shim/socket/probe.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"
#include "shim/uring/uring_work.h"

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
	[IORING_OP_EPOLL_CTL] = {"uring_epoll_ctl", URING_EPOLL, 0, false, true},
	[URING_OP_EPOLL_WAIT] = {"uring_epoll_wait", URING_EPOLL_WAIT, 0, false, true},
	[IORING_OP_OPENAT] = {"", URING_NEW_FILE, 0, false, false},
	[IORING_OP_OPENAT2] = {"", URING_NEW_FILE, 0, false, false},
	[URING_OP_FIXED_FD_INSTALL] = {"", URING_NEW_FILE, 0, false, false},
};

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
	struct socket_hold hold;

	work->sort = URING_OTHER;
	if (!audit_hold(&hold, fd))
		return;
	work->sort = URING_READ;
	uring_work_hold(work, &hold);
	socket_release(&hold);
	work->fd = fd;
	work->number = kind->sends ? sqe->msg_flags : 0;
	work->flags = kind->form == FORM_BUFFER && sqe->len == 0 && !(sqe->flags & IOSQE_BUFFER_SELECT);
	work->multishot_message = sqe->opcode == IORING_OP_RECVMSG && sqe->ioprio & URING_RECV_MULTISHOT;
}

/* Whether a connect by the ring, whose completion was not seen, is still to come about. */
static bool waits_for_connect(struct socket *socket, int fd)
{
	if (!(__atomic_load_n(&socket->state, __ATOMIC_ACQUIRE) & SOCKET_CONNECT_QUEUED))
		return false;
	if ((probe_poll(fd) & (POLLOUT | POLLHUP | POLLERR)) != POLLOUT)
		return true;
	__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECT_QUEUED, __ATOMIC_ACQ_REL);
	return false;
}

/* A write behind a connect that is under way. */
static bool begin_quiet_write(struct uring_work *work, int fd)
{
	struct socket_hold hold;

	if (!audit_hold(&hold, fd))
		return false;
	if (waits_for_connect(hold.socket, fd)) {
		work->sort = URING_WRITE_QUIET;
		uring_work_hold(work, &hold);
	}
	socket_release(&hold);
	return work->sort == URING_WRITE_QUIET;
}

static void begin_write(struct uring_work *work, const struct io_uring_sqe *sqe, const struct kind *kind)
{
	if (begin_quiet_write(work, sqe->fd))
		return;
	if (audit_write_begin_slow(
		    &work->write, kind->call, sqe->fd, payload_of(sqe, kind->form), flags_of(sqe, kind))) {
		if (!work->write.closed)
			uring_work_hold(work, &work->write.hold);
		socket_hold_keep(&work->write.hold);
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
	struct audit_connect around;
	struct socket_hold *hold = &around.hold;

	if (!audit_connect_begin(&around, sqe->fd, (const void *)(uintptr_t)sqe->addr, (uint32_t)sqe->off)) {
		work->sort = URING_OTHER;
		return;
	}
	uring_work_hold(work, hold);
	work->address.length =
		(uint32_t)payload_first_bytes(&address, work->address.bytes, sizeof(work->address.bytes));
	work->was_connected = shared_get(hold->socket->state) & SOCKET_CONNECTED;
	__atomic_fetch_or(&hold->socket->state, SOCKET_CONNECT_QUEUED | (work->was_connected ? 0 : SOCKET_CONNECTING),
		__ATOMIC_ACQ_REL);
	socket_release(hold);
}

/* An operation on a socket that is known: it is kept, and not looked for where it is not. */
static void keep_known(struct uring_work *work, int fd)
{
	struct socket_hold hold;

	if (socket_hold_open(&hold, fd))
		uring_work_keep(work, &hold);
	socket_release(&hold);
}

static void begin_poll(struct uring_work *work, int fd)
{
	struct socket_hold hold;

	if (!audit_hold(&hold, fd))
		return;
	uring_work_hold(work, &hold);
	socket_release(&hold);
}

static void begin_close(struct uring_work *work, const struct io_uring_sqe *sqe)
{
	if (work->waits) {
		work->sort = URING_CLOSE_LATER;
		keep_known(work, sqe->fd);
		return;
	}
	audit_close_by_libc_begin(&work->close, work->call, sqe->fd);
	socket_hold_keep(&work->close.hold);
}

/* The kernel copies the event at the submission (io_uring/epoll.c io_epoll_ctl_prep). */
static void begin_epoll(struct uring_work *work, const struct io_uring_sqe *sqe)
{
	struct payload event = payload_buffer((const void *)(uintptr_t)sqe->addr, sizeof(work->epoll.event));

	work->epoll.operation = (int)sqe->len;
	work->epoll.fd = (int)sqe->off;
	work->epoll.turn = audit_before(work->epoll.fd);
	payload_first_bytes(&event, &work->epoll.event, sizeof(work->epoll.event));
}

static void begin(struct uring_work *work, const struct io_uring_sqe *sqe, const struct kind *kind)
{
	switch (work->sort) {
	case URING_WRITE: begin_write(work, sqe, kind); break;
	case URING_READ: begin_read(work, sqe, kind, sqe->fd); break;
	case URING_CONNECT: begin_connect(work, sqe); break;
	case URING_CLOSE: begin_close(work, sqe); break;
	case URING_POLL: begin_poll(work, sqe->fd); break;
	case URING_LISTEN: work->turn = audit_before(sqe->fd); break;
	case URING_SHUTDOWN:
		keep_known(work, sqe->fd);
		work->number = sqe->len;
		break;
	case URING_SOCKET:
		work->made.domain = sqe->fd;
		work->made.type = (int)sqe->off;
		work->made.protocol = (int)sqe->len;
		break;
	case URING_EPOLL: begin_epoll(work, sqe); break;
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
	work->waits = waits || sqe->flags & (IOSQE_ASYNC | IOSQE_IO_DRAIN);
	begin(work, sqe, kind);
	return kind->sort != URING_EPOLL_WAIT;
}
