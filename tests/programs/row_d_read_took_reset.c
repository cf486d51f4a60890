/*
 * A read fails with ECONNRESET, and the program writes all the same: row D. The read took the error, so the write
 * fails with EPIPE and SIGPIPE. Rows C and D differ only in what the program had been told.
 *
 * row_d_read_took_reset FAMILY bad
 * row_d_read_took_reset FAMILY ok    closes after the failed read
 */
#include "tests/programs/support.h"

SITE void learn_by_read(int fd)
{
	char byte;

	CHECK_FAILS(read(fd, &byte, 1), ECONNRESET);
}

SITE void write_anyway(int fd)
{
	CHECK_FAILS(write(fd, "anyway", 6), EPIPE);
	CHECK(sigpipe_count == 1);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));

	count_sigpipe();
	peer_resets(ends);
	learn_by_read(ends.ours);
	if (same(argument(argc, argv, 2), "bad"))
		write_anyway(ends.ours);
	CHECK(close(ends.ours) == 0);
	return 0;
}
