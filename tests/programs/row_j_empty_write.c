/*
 * Probes a reset connection with a send of no bytes: row J. It fails with ECONNRESET and takes the socket's error
 * with it, so that the next write fails with EPIPE and SIGPIPE.
 *
 * row_j_empty_write FAMILY bad
 * row_j_empty_write FAMILY ok    sends nothing on an open connection: no harm
 */
#include "tests/programs/support.h"

SITE void send_nothing(int fd)
{
	CHECK_FAILS(send(fd, "", 0, 0), ECONNRESET);
}

SITE void write_after_probe(int fd)
{
	CHECK_FAILS(write(fd, "after the probe", 15), EPIPE);
	CHECK(sigpipe_count == 1);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));

	count_sigpipe();
	if (same(argument(argc, argv, 2), "ok")) {
		CHECK(send(ends.ours, "", 0, 0) == 0);
		CHECK(close(ends.theirs) == 0);
	} else {
		peer_resets(ends);
		send_nothing(ends.ours);
		write_after_probe(ends.ours);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
