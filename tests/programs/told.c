/*
 * Is told that its peer has gone, in one of the ways there are, and writes all the same: its own mistake, not a
 * race.
 *
 * told EVENT WAY bad     EVENT: fin, reset (over TCP) or unix
 * told EVENT WAY ok      believes it, and writes nothing
 */
#include "tests/programs/support.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

/* What fortified programs call; in no public header. */
ssize_t __read_chk(int fd, void *buffer, size_t length, size_t buffer_length);
ssize_t __recv_chk(int fd, void *buffer, size_t length, size_t buffer_length, int flags);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t fds_length);

static bool reset;
static char buffer[16];
static struct iovec piece = {.iov_base = buffer, .iov_len = sizeof buffer};

/* What a read of any kind must show: the end of the stream, or the reset. */
static void check_read(ssize_t result)
{
	CHECK(reset ? result == -1 && errno == ECONNRESET : result == 0);
}

SITE void learn_by_read(int fd)
{
	check_read(read(fd, buffer, sizeof buffer));
}

SITE void learn_by_read_chk(int fd)
{
	check_read(__read_chk(fd, buffer, sizeof buffer, sizeof buffer));
}

SITE void learn_by_recv(int fd)
{
	check_read(recv(fd, buffer, sizeof buffer, 0));
}

SITE void learn_by_recv_chk(int fd)
{
	check_read(__recv_chk(fd, buffer, sizeof buffer, sizeof buffer, 0));
}

SITE void learn_by_peek(int fd)
{
	check_read(recv(fd, buffer, sizeof buffer, MSG_PEEK));
}

SITE void learn_by_recvfrom(int fd)
{
	check_read(recvfrom(fd, buffer, sizeof buffer, 0, NULL, NULL));
}

SITE void learn_by_recvmsg(int fd)
{
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	check_read(recvmsg(fd, &message, 0));
}

SITE void learn_by_readv(int fd)
{
	check_read(readv(fd, &piece, 1));
}

SITE void learn_by_poll(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLRDHUP};

	CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1 && poller.revents & POLLRDHUP);
}

SITE void learn_by_poll_chk(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLRDHUP};

	CHECK(__poll_chk(&poller, 1, WAIT_BOUND_MS, sizeof poller) == 1 && poller.revents & POLLRDHUP);
}

SITE void learn_by_ppoll(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLRDHUP};

	CHECK(ppoll(&poller, 1, &(struct timespec){.tv_sec = 5}, NULL) == 1 && poller.revents & POLLRDHUP);
}

/* Readable and yet nothing there to be read: how a program learns of the end without reading. */
SITE void learn_by_fionread(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int ready = -1;

	CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1 && poller.revents == POLLIN);
	CHECK(ioctl(fd, FIONREAD, &ready) == 0 && ready == 0);
}

/* The same, learnt by select, which knows no hang-up. */
SITE void learn_by_select(int fd)
{
	int ready = -1;
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	CHECK(select(fd + 1, &readable, NULL, NULL, &(struct timeval){.tv_sec = 5}) == 1 && FD_ISSET(fd, &readable));
	CHECK(ioctl(fd, FIONREAD, &ready) == 0 && ready == 0);
}

/* As event loops do, the event carries the address of an object, and no descriptor. */
static int epoll_of(int fd, struct ends *object)
{
	struct epoll_event wanted = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = object};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	CHECK(epoll >= 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0);
	return epoll;
}

static void check_event(int count, const struct epoll_event *events, const struct ends *object)
{
	CHECK(count == 1 && events[0].data.ptr == object && events[0].events & EPOLLRDHUP);
}

SITE void learn_by_epoll_wait(int fd)
{
	struct epoll_event events[4];
	struct ends object;
	int epoll = epoll_of(fd, &object);

	check_event(epoll_wait(epoll, events, 4, WAIT_BOUND_MS), events, &object);
	CHECK(close(epoll) == 0);
}

SITE void learn_by_epoll_pwait(int fd)
{
	struct epoll_event events[4];
	struct ends object;
	int epoll = epoll_of(fd, &object);

	check_event(epoll_pwait(epoll, events, 4, WAIT_BOUND_MS, NULL), events, &object);
	CHECK(close(epoll) == 0);
}

SITE void learn_by_epoll_pwait2(int fd)
{
	struct epoll_event events[4];
	struct ends object;
	int epoll = epoll_of(fd, &object);

	check_event(epoll_pwait2(epoll, events, 4, &(struct timespec){.tv_sec = 5}, NULL), events, &object);
	CHECK(close(epoll) == 0);
}

SITE void learn_by_so_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNRESET);
}

SITE void learn_by_write(int fd)
{
	CHECK_FAILS(write(fd, "try", 3), ECONNRESET);
}

static const struct way {
	const char *name;
	void (*learn)(int fd);
	bool takes_error; /* a reset's ECONNRESET, so that the write sees EPIPE */
} ways[] = {
	{"read", learn_by_read, true},
	{"read_chk", learn_by_read_chk, true},
	{"recv", learn_by_recv, true},
	{"recv_chk", learn_by_recv_chk, true},
	{"peek", learn_by_peek, true},
	{"recvfrom", learn_by_recvfrom, true},
	{"recvmsg", learn_by_recvmsg, true},
	{"readv", learn_by_readv, true},
	{"poll", learn_by_poll, false},
	{"poll_chk", learn_by_poll_chk, false},
	{"ppoll", learn_by_ppoll, false},
	{"fionread", learn_by_fionread, false},
	{"select", learn_by_select, false},
	{"epoll_wait", learn_by_epoll_wait, false},
	{"epoll_pwait", learn_by_epoll_pwait, false},
	{"epoll_pwait2", learn_by_epoll_pwait2, false},
	{"so_error", learn_by_so_error, true},
	{"write", learn_by_write, true},
};

static const struct way *way_named(const char *name)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (same(ways[i].name, name))
			return &ways[i];
	CHECK(!"a way by that name");
	return NULL;
}

/* `error` is what the kernel answers, 0 for success. */
SITE void write_though_told(int fd, int error)
{
	ssize_t result = send(fd, "never mind", 10, MSG_NOSIGNAL);

	CHECK(error == 0 ? result == 10 : result == -1 && errno == error);
}

int main(int argc, char **argv)
{
	const char *event = argument(argc, argv, 1);
	const struct way *way = way_named(argument(argc, argv, 2));
	const char *family = same(event, "unix") ? "unix" : "tcp4";
	struct ends ends = ends_open(family);
	int error = way->takes_error ? EPIPE : ECONNRESET;

	reset = same(event, "reset");
	if (reset)
		peer_resets(ends);
	else
		peer_closes(ends, family);
	if (!reset)
		error = is_tcp(family) ? 0 : EPIPE;
	way->learn(ends.ours);
	if (same(argument(argc, argv, 3), "bad"))
		write_though_told(ends.ours, error);
	CHECK(close(ends.ours) == 0);
	return 0;
}
