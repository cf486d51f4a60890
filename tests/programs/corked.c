/*
 * Writes two pieces after the peer closed, the first held back by MSG_MORE: at its return nothing has been sent,
 * so only the second write shows that both are lost.
 *
 * corked bad
 * corked ok     the peer reads both
 */
#include "tests/programs/support.h"

SITE void write_held_back(int fd)
{
	CHECK(send(fd, "head", 4, MSG_MORE) == 4);
}

SITE void write_and_push(int fd)
{
	CHECK(send(fd, "and body", 8, 0) == 8);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");
	bool ok = same(argument(argc, argv, 1), "ok");
	char buffer[12];

	if (!ok)
		peer_closes(ends, "tcp4");
	write_held_back(ends.ours);
	write_and_push(ends.ours);
	if (ok) {
		wait_for_input(ends.theirs, sizeof buffer);
		CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	} else {
		wait_for_tcp_state(ends.ours, TCP_CLOSE);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
