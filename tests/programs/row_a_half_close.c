/*
 * Writes to a peer that shut its writing half and goes on reading: row A. It is legitimate, and looks like a full
 * close until the peer's TCP has acknowledged the bytes: the kernel's state is CLOSE_WAIT in both cases.
 *
 * row_a_half_close FAMILY kernel   writes without having looked
 * row_a_half_close FAMILY told     reads the end of the peer's stream first
 * row_a_half_close FAMILY ok       writes before the peer shuts anything
 */
#include "tests/programs/support.h"

SITE void write_to_half_closed_peer(int fd)
{
	CHECK(write(fd, "still there?", 12) == 12);
	wait_for_acknowledgement(fd);
}

static void read_twice(int fd)
{
	char buffer[24];

	wait_for_input(fd, sizeof buffer);
	CHECK(read(fd, buffer, sizeof buffer) == sizeof buffer);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open(argument(argc, argv, 1));
	volatile int times = 2; /* volatile: one place, whatever the compiler makes of loops */
	char byte;

	if (!same(how, "ok")) {
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
		wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	}
	if (same(how, "told"))
		CHECK(read(ends.ours, &byte, 1) == 0);
	while (times-- > 0)
		write_to_half_closed_peer(ends.ours);
	read_twice(ends.theirs);
	if (same(how, "ok"))
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	CHECK(close(ends.ours) == 0);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
