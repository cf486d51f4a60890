/*
 * Makes a second descriptor of a socket and closes the first, which is no disconnect: the socket lives on.
 *
 * dup_close WAY ok     writes by the copy. WAY: dup, dup2, dup3, fcntl, fcntl_cloexec
 * dup_close WAY bad    closes the copy too, and writes to its number
 * dup_close WAY told   is told of the peer's close by the first descriptor, and writes by the copy
 */
#include "tests/programs/support.h"
#include <fcntl.h>

static int copy_of(int fd, const char *way)
{
	if (same(way, "dup"))
		return dup(fd);
	if (same(way, "dup2"))
		return dup2(fd, 77);
	if (same(way, "dup3"))
		return dup3(fd, 77, O_CLOEXEC);
	return fcntl(fd, same(way, "fcntl") ? F_DUPFD : F_DUPFD_CLOEXEC, 77);
}

SITE void close_both(int first, int copy)
{
	CHECK(close(first) == 0);
	CHECK(close(copy) == 0);
}

SITE void write_by_copy(int copy)
{
	CHECK(write(copy, "by the copy", 11) == 11);
}

SITE void write_to_closed_copy(int copy)
{
	CHECK_FAILS(write(copy, "by the copy", 11), EBADF);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open("tcp4");
	int copy = copy_of(ends.ours, argument(argc, argv, 1));
	char buffer[11];

	CHECK(copy >= 0 && copy != ends.ours);
	if (same(how, "bad")) {
		close_both(ends.ours, copy);
		write_to_closed_copy(copy);
		CHECK(close(ends.theirs) == 0);
		return 0;
	}
	if (same(how, "told")) {
		peer_closes(ends, "tcp4");
		CHECK(read(ends.ours, buffer, 1) == 0);
	}
	CHECK(close(ends.ours) == 0);
	write_by_copy(copy);
	if (same(how, "ok")) {
		wait_for_input(ends.theirs, sizeof buffer);
		CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
		CHECK(close(ends.theirs) == 0);
	}
	CHECK(close(copy) == 0);
	return 0;
}
