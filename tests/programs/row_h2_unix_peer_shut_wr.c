/*
 * Writes on an AF_UNIX socket whose peer shut its writing half and goes on reading: row H2. Delivered: a note.
 *
 * row_h2_unix_peer_shut_wr FAMILY bad
 * row_h2_unix_peer_shut_wr FAMILY ok    writes before the peer shuts
 */
#include "tests/programs/support.h"

SITE void write_to_half_closed_peer(int fd)
{
	CHECK(write(fd, "still there?", 12) == 12);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));
	bool well = same(argument(argc, argv, 2), "ok");
	char buffer[12];

	if (!well)
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	write_to_half_closed_peer(ends.ours);
	if (well)
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	CHECK(close(ends.ours) == 0);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
