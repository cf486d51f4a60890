/*
 * Looks at errno after calls that succeed: they leave it as it was, audited or not, and failing ones set exactly
 * their own.
 *
 * errno_kept bad    with writes after the peer closed
 * errno_kept ok     without
 */
#include "tests/programs/support.h"
#include <poll.h>

enum { SENTINEL = 4095 };

/* The call must succeed and leave errno alone. */
#define KEEPS(call) CHECK((errno = SENTINEL, (call)) && errno == SENTINEL)

SITE void lose_quietly(int fd)
{
	KEEPS(write(fd, "lost", 4) == 4);
	wait_for_tcp_state(fd, TCP_CLOSE);
	CHECK_FAILS(send(fd, "refused", 7, MSG_NOSIGNAL), EPIPE);
}

int main(int argc, char **argv)
{
	struct ends ends;
	struct pollfd poller = {.events = POLLIN | POLLRDHUP};
	char buffer[8];
	int copy = -1;

	errno = SENTINEL;
	ends = ends_open("pair");
	CHECK(errno == SENTINEL);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	errno = SENTINEL;
	ends = ends_open("tcp6");
	CHECK(errno == SENTINEL);
	poller.fd = ends.ours;
	KEEPS(write(ends.theirs, "hello", 5) == 5);
	KEEPS(poll(&poller, 1, WAIT_BOUND_MS) == 1);
	KEEPS(recv(ends.ours, buffer, 5, MSG_WAITALL) == 5);
	KEEPS((copy = dup(ends.ours)) >= 0);
	KEEPS(close(copy) == 0);
	KEEPS(send(ends.ours, "hello", 5, 0) == 5);
	CHECK_FAILS(recv(ends.ours, buffer, 1, MSG_DONTWAIT), EAGAIN);
	KEEPS(recv(ends.theirs, buffer, 5, MSG_WAITALL) == 5);
	KEEPS(shutdown(ends.theirs, SHUT_WR) == 0);
	KEEPS(close(ends.theirs) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	KEEPS(read(ends.ours, buffer, 1) == 0);
	if (same(argument(argc, argv, 1), "bad"))
		lose_quietly(ends.ours);
	KEEPS(close(ends.ours) == 0);
	return 0;
}
