/*
 * Writes a thousand times on a dead connection: no flood, but one incident for each place, with a count.
 *
 * repeat one    from one place
 * repeat two    from two places in turn, 500 times each
 * repeat ok     a thousand times to a peer that reads
 */
#include "tests/programs/support.h"

enum { TIMES = 1000 };

SITE void write_here(int fd)
{
	CHECK_FAILS(send(fd, "0123456789", 10, MSG_NOSIGNAL), EPIPE);
}

SITE void write_there(int fd)
{
	CHECK_FAILS(send(fd, "01234", 5, MSG_NOSIGNAL), EPIPE);
}

SITE void write_and_be_read(struct ends ends)
{
	char buffer[10];

	CHECK(write(ends.ours, "0123456789", 10) == 10);
	CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == 10);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	char byte;

	if (!same(how, "ok")) {
		peer_resets(ends);
		CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	}
	for (int i = 0; i < TIMES; i++) {
		if (same(how, "ok"))
			write_and_be_read(ends);
		else if (same(how, "two") && i % 2)
			write_there(ends.ours);
		else
			write_here(ends.ours);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
