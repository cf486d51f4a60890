/*
 * The peer first shuts its writing half, then closes. A write in between is delivered, one after it is lost;
 * before either, the kernel shows the same state.
 *
 * half_then_full bad
 * half_then_full ok    both are written before the peer shuts anything
 */
#include "tests/programs/support.h"

SITE void write_between(int fd)
{
	CHECK(write(fd, "between", 7) == 7);
	wait_for_acknowledgement(fd);
}

SITE void write_at_last(int fd)
{
	CHECK(write(fd, "at last", 7) == 7);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");
	bool ok = same(argument(argc, argv, 1), "ok");
	char buffer[14];

	if (ok)
		write_at_last(ends.ours);
	else
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	if (!ok)
		wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	write_between(ends.ours);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == (ok ? 14 : 7));
	if (ok)
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	peer_closes(ends, "tcp4");
	if (!ok)
		write_at_last(ends.ours);
	CHECK(close(ends.ours) == 0);
	return 0;
}
