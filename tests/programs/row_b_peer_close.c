/*
 * Writes twice after the peer closed with nothing left unread: row B. The first write returns success and its
 * bytes are lost, since the peer's kernel answers them with a reset; the second fails with EPIPE and SIGPIPE.
 *
 * row_b_peer_close FAMILY bad
 * row_b_peer_close FAMILY ok      the peer reads both, then closes
 */
#include "tests/programs/support.h"

SITE void first_write(int fd)
{
	CHECK(write(fd, "first line", 10) == 10);
}

SITE void second_write(int fd)
{
	CHECK_FAILS(write(fd, "second line", 11), EPIPE);
	CHECK(sigpipe_count == 1);
}

static void behave_well(struct ends ends, const char *family)
{
	char buffer[20];

	first_write(ends.ours);
	first_write(ends.ours);
	wait_for_input(ends.theirs, sizeof buffer);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	peer_closes(ends, family);
	CHECK(read(ends.ours, buffer, 1) == 0);
}

int main(int argc, char **argv)
{
	const char *family = argument(argc, argv, 1);
	struct ends ends = ends_open(family);

	count_sigpipe();
	if (same(argument(argc, argv, 2), "ok")) {
		behave_well(ends, family);
	} else {
		peer_closes(ends, family);
		first_write(ends.ours);
		wait_for_tcp_state(ends.ours, TCP_CLOSE);
		second_write(ends.ours);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
