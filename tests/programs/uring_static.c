/*
 * Has a liburing of its own, linked into it: its submissions pass no hook, nor does the making of the ring. What the
 * report says of the connection is not all there is, and it says so.
 */
#include "tests/programs/uring_support.h"

int main(void)
{
	struct ends ends = ends_open("tcp4");
	struct io_uring ring;
	char buffer[16];

	uring_open(&ring, 0);
	io_uring_prep_send(uring_entry(&ring, 1), ends.ours, "never mind", 10, 0);
	CHECK(io_uring_submit(&ring) == 1);
	CHECK(uring_result(&ring, 1) == 10);
	wait_for_input(ends.theirs, 10);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == 10);
	return 0; /* with the ring open, as servers end */
}
