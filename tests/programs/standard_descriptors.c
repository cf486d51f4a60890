/*
 * Has sockets as its descriptors 0, 1 and 2, as a program under inetd has: nothing of an audit may ever be printed
 * into them.
 *
 * standard_descriptors bad    writes to descriptor 1 after the peer closed
 * standard_descriptors ok     writes to a peer that reads exactly that, and the end
 */
#include "tests/programs/support.h"

SITE void write_to_standard_output(void)
{
	CHECK(write(STDOUT_FILENO, "220 ready\n", 10) == 10);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");
	char buffer[64];

	for (int fd = 0; fd <= 2; fd++)
		CHECK(dup2(ends.ours, fd) == fd);
	CHECK(close(ends.ours) == 0);
	ends.ours = STDOUT_FILENO;
	if (same(argument(argc, argv, 1), "bad")) {
		peer_closes(ends, "tcp4");
		write_to_standard_output();
		return 0;
	}
	write_to_standard_output();
	CHECK(shutdown(STDOUT_FILENO, SHUT_WR) == 0);
	CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == 10);
	CHECK(memcmp(buffer, "220 ready\n", 10) == 0);
	return 0;
}
