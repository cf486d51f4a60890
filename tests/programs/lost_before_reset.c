/*
 * Writes more than the peer takes, while nothing is wrong. Then the peer closes without reading: a reset, and what it
 * had not acknowledged is lost, of which no write can tell any more. That comes out later.
 *
 * lost_before_reset WAY          how: read, poll, epoll, so_error, write (a further one), close, exit (nothing asks)
 * lost_before_reset WAY acked    all had been acknowledged before the reset: nothing is lost
 * lost_before_reset WAY child    a child that shares the connection wrote it: which bytes were whose cannot be said
 */
#include "tests/programs/support.h"
#include <poll.h>
#include <sys/epoll.h>

enum { LENGTH = 4 << 20, PIECE = 1000 };

static char bytes[LENGTH];

/* In many writes, of which the last ones are lost. */
SITE size_t write_while_all_is_well(int fd)
{
	size_t sent = 0;

	for (int i = 0; i < 10; i++) {
		ssize_t result = send(fd, bytes, PIECE, MSG_DONTWAIT);

		CHECK(result == PIECE);
		sent += PIECE;
	}
	ssize_t result = send(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	CHECK(result > 0);
	return sent + (size_t)result;
}

static void learn(int fd, const char *way)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	int error = 0;
	socklen_t length = sizeof error;
	char byte;

	if (same(way, "read")) {
		CHECK_FAILS(read(fd, &byte, 1), ECONNRESET);
	} else if (same(way, "poll")) {
		CHECK(poll(&polled, 1, -1) == 1 && polled.revents & POLLERR);
	} else if (same(way, "epoll")) {
		int epoll = epoll_create1(0);

		CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
		CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.events & EPOLLERR);
		CHECK(close(epoll) == 0);
	} else if (same(way, "so_error")) {
		CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNRESET);
	} else if (same(way, "write")) {
		CHECK_FAILS(write(fd, "more", 4), ECONNRESET);
	}
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	const char *twin = argument(argc, argv, 2);
	struct ends ends = ends_open("tcp4");
	size_t sent = 0;

	if (same(twin, "child")) {
		pid_t child = fork();

		if (child == 0) {
			write_while_all_is_well(ends.ours);
			_exit(0);
		}
		child_succeeds(child);
	} else {
		sent = write_while_all_is_well(ends.ours);
	}
	if (same(twin, "acked")) {
		while (sent > 0) {
			ssize_t count = read(ends.theirs, bytes, sizeof bytes);

			CHECK(count > 0);
			sent -= (size_t)count;
		}
		wait_for_acknowledgement(ends.ours);
	}
	peer_resets(ends);
	learn(ends.ours, way);
	if (!same(way, "exit"))
		CHECK(close(ends.ours) == 0);
	return 0;
}
