/*
 * Writes after the peer reset the connection: row C. The first write fails with ECONNRESET and raises no signal;
 * it has told the program, so the second, with EPIPE and SIGPIPE, is the program's own mistake.
 *
 * row_c_reset FAMILY linger   the peer closed with SO_LINGER of 0 seconds
 * row_c_reset FAMILY unread   the peer closed with our data unread
 * row_c_reset FAMILY ok       the program stops after the first failure was foretold by a read
 */
#include "tests/programs/support.h"

SITE void first_write(int fd)
{
	CHECK_FAILS(write(fd, "first line", 10), ECONNRESET);
	CHECK(sigpipe_count == 0);
}

SITE void second_write(int fd)
{
	CHECK_FAILS(write(fd, "second line", 11), EPIPE);
	CHECK(sigpipe_count == 1);
}

static void peer_closes_unread(struct ends ends)
{
	CHECK(write(ends.ours, "question", 8) == 8);
	wait_for_input(ends.theirs, 8);
	CHECK(close(ends.theirs) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open(argument(argc, argv, 1));
	char byte;

	count_sigpipe();
	if (same(how, "unread"))
		peer_closes_unread(ends);
	else
		peer_resets(ends);
	if (same(how, "ok")) {
		CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	} else {
		first_write(ends.ours);
		second_write(ends.ours);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
