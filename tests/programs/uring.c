/*
 * Uses io_uring through liburing: is told of the end by a completion, or not, and writes by a submission all the same.
 *
 * uring EVENT TELLING WRITING    EVENT: fin, reset, unix, live (nobody goes), own (its own shutdown)
 *                                TELLING: untold, epoll (which the ring is asked to watch for it), or one of `ways`
 *                                below
 *                                WRITING: none, or one of `ways`; it also says what kind of ring it is
 */
#include "tests/programs/uring_support.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

enum { TELLING = 1, WRITING = 2, PROVIDING = 3 };

static struct io_uring ring;
static char buffer[16];
static const char text[] = "never mind";
static struct iovec input = {.iov_base = buffer, .iov_len = sizeof buffer};
static struct iovec output = {.iov_base = (void *)text, .iov_len = 10};

static void prepare_recv(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_recv(sqe, fd, buffer, sizeof buffer, 0);
}

static void prepare_recvmsg(struct io_uring_sqe *sqe, int fd)
{
	static struct msghdr message = {.msg_iov = &input, .msg_iovlen = 1};

	io_uring_prep_recvmsg(sqe, fd, &message, 0);
}

static void prepare_read(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_read(sqe, fd, buffer, sizeof buffer, 0);
}

static void prepare_readv(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_readv(sqe, fd, &input, 1, 0);
}

static void prepare_poll(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_poll_add(sqe, fd, POLLIN | POLLRDHUP);
}

/* Goes on until the end, into buffers that the ring is given first. */
static void prepare_multishot(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_provide_buffers(sqe, buffer, sizeof buffer, 1, 1, 0);
	sqe->user_data = PROVIDING;
	CHECK(io_uring_submit_and_wait(&ring, 1) == 1);
	CHECK(uring_result(&ring, PROVIDING) == 0);
	sqe = uring_entry(&ring, TELLING);
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
}

static void prepare_send(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_send(sqe, fd, text, 10, 0);
}

static void prepare_send_zc(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_send_zc(sqe, fd, text, 10, 0, 0);
}

static void prepare_sendmsg(struct io_uring_sqe *sqe, int fd)
{
	static struct msghdr message = {.msg_iov = &output, .msg_iovlen = 1};

	io_uring_prep_sendmsg(sqe, fd, &message, 0);
}

static void prepare_write(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_write(sqe, fd, text, 10, 0);
}

static void prepare_writev(struct io_uring_sqe *sqe, int fd)
{
	io_uring_prep_writev(sqe, fd, &output, 1, 0);
}

/* By a thread of the kernel's. */
static void prepare_async(struct io_uring_sqe *sqe, int fd)
{
	prepare_write(sqe, fd);
	sqe->flags |= IOSQE_ASYNC;
}

static const struct way {
	const char *name;
	void (*prepare)(struct io_uring_sqe *sqe, int fd);
	unsigned setup; /* of the ring */
} ways[] = {
	{"recv", prepare_recv, 0},
	{"recvmsg", prepare_recvmsg, 0},
	{"read", prepare_read, 0},
	{"readv", prepare_readv, 0},
	{"multishot", prepare_multishot, 0},
	{"poll", prepare_poll, 0},
	{"send", prepare_send, 0},
	{"sqpoll", prepare_send, IORING_SETUP_SQPOLL},
	{"wide", prepare_send, IORING_SETUP_SQE128 | IORING_SETUP_CQE32},
	{"defer", prepare_send, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
	{"send_zc", prepare_send_zc, 0},
	{"sendmsg", prepare_sendmsg, 0},
	{"write", prepare_write, 0},
	{"writev", prepare_writev, 0},
	{"async", prepare_async, 0},
};

static const struct way *way_named(const char *name)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (same(ways[i].name, name))
			return &ways[i];
	CHECK(!"a way by that name");
	return NULL;
}

/* What the completion must be: the end, the reset, or of a poll the word of either. */
SITE void learn(const struct way *way, int fd, bool reset)
{
	int result;

	way->prepare(uring_entry(&ring, TELLING), fd);
	CHECK(io_uring_submit_and_wait(&ring, 1) == 1);
	result = uring_result(&ring, TELLING);
	if (same(way->name, "poll"))
		CHECK(result > 0 && result & POLLRDHUP);
	else
		CHECK(result == (reset ? -ECONNRESET : 0));
}

SITE void learn_by_epoll(int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &ring};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	io_uring_prep_epoll_ctl(uring_entry(&ring, TELLING), epoll, fd, EPOLL_CTL_ADD, &event);
	CHECK(io_uring_submit_and_wait(&ring, 1) == 1);
	CHECK(uring_result(&ring, TELLING) == 0);
	CHECK(epoll_wait(epoll, &event, 1, WAIT_BOUND_MS) == 1 && event.events & EPOLLRDHUP);
	CHECK(close(epoll) == 0);
}

SITE void hand_over(const struct way *way, int fd)
{
	way->prepare(uring_entry(&ring, WRITING), fd);
	CHECK(io_uring_submit(&ring) == 1);
}

static void prepare_end(const char *event, struct ends ends)
{
	if (same(event, "reset"))
		peer_resets(ends);
	else if (same(event, "own"))
		CHECK(shutdown(ends.ours, SHUT_WR) == 0);
	else if (!same(event, "live"))
		peer_closes(ends, same(event, "unix") ? "unix" : "tcp4");
}

int main(int argc, char **argv)
{
	const char *event = argument(argc, argv, 1);
	const char *telling = argument(argc, argv, 2);
	const char *writing = argument(argc, argv, 3);
	struct ends ends;

	count_sigpipe();
	uring_open(&ring, same(writing, "none") ? 0 : way_named(writing)->setup);
	ends = ends_open(same(event, "unix") ? "unix" : "tcp4");
	prepare_end(event, ends);
	if (same(telling, "epoll"))
		learn_by_epoll(ends.ours);
	else if (!same(telling, "untold"))
		learn(way_named(telling), ends.ours, same(event, "reset"));
	if (!same(writing, "none")) {
		hand_over(way_named(writing), ends.ours);
		printf("wrote %d\n", uring_result(&ring, WRITING));
	}
	printf("%d SIGPIPE\n", (int)sigpipe_count);
	io_uring_queue_exit(&ring);
	CHECK(close(ends.ours) == 0);
	return 0;
}
