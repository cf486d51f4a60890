/*
 * Learns that its connection is readable, reads nothing, and writes.
 *
 * readable WAY end     there is nothing to be read but the end, so that is what the call told of. WAY: poll,
 *                      epoll_wait, select, for input alone
 * readable WAY data    there is data, and behind it the end, of which nothing can be known yet
 * readable WAY ok      there is data, and no end
 */
#include "tests/programs/support.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static void see_by_poll(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1 && poller.revents == POLLIN);
}

static void see_by_epoll_wait(int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &event};
	int epoll = epoll_create1(0);

	CHECK(epoll >= 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, WAIT_BOUND_MS) == 1 && event.events == EPOLLIN);
	CHECK(close(epoll) == 0);
}

static void see_by_select(int fd)
{
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	CHECK(select(fd + 1, &readable, NULL, NULL, &(struct timeval){.tv_sec = 5}) == 1);
}

SITE void write_unread(int fd)
{
	CHECK(write(fd, "as ever", 7) == 7);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open("tcp4");

	if (!same(how, "end"))
		CHECK(write(ends.theirs, "data", 4) == 4);
	if (!same(how, "ok"))
		peer_closes(ends, "tcp4");
	if (same(way, "poll"))
		see_by_poll(ends.ours);
	else if (same(way, "epoll_wait"))
		see_by_epoll_wait(ends.ours);
	else
		see_by_select(ends.ours);
	write_unread(ends.ours);
	CHECK(close(ends.ours) == 0);
	return 0;
}
