/*
 * A library that needs liburing, to be loaded by uring_loader so that nobody else sees either of them (RTLD_LOCAL).
 */
#include "tests/programs/uring_support.h"

int plugin_send(int fd);

/* Sends ten bytes through a ring. Returns what came of it. */
int plugin_send(int fd)
{
	struct io_uring ring;
	int result;

	uring_open(&ring, 0);
	io_uring_prep_send(uring_entry(&ring, 1), fd, "never mind", 10, 0);
	CHECK(io_uring_submit(&ring) == 1);
	result = uring_result(&ring, 1);
	io_uring_queue_exit(&ring);
	return result;
}
