/*
 * Writes to a TCP peer that shut its reading half: row I. TCP has no word for it: the peer's kernel acknowledges
 * the bytes. Nothing can be seen from here, so nothing must be reported.
 *
 * row_i_tcp_peer_shut_rd FAMILY
 */
#include "tests/programs/support.h"

SITE void write_to_deaf_peer(int fd)
{
	CHECK(write(fd, "listen!", 7) == 7);
	wait_for_acknowledgement(fd);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));
	char buffer[7];

	CHECK(shutdown(ends.theirs, SHUT_RD) == 0);
	write_to_deaf_peer(ends.ours);
	CHECK(tcp_information(ends.ours).tcpi_state == TCP_ESTABLISHED);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == 7);
	CHECK(close(ends.ours) == 0);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
