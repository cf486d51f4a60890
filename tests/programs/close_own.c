/*
 * Closes its socket and goes on writing to the number, which fails with EBADF.
 *
 * close_own WAY bad    WAY: close, close_alias, close_range, closefrom, syscall_close, fclose
 * close_own WAY ok     writes, then closes
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/syscall.h>

int __close(int fd);

SITE void close_by_close(int fd)
{
	CHECK(close(fd) == 0);
}

SITE void close_by_close_alias(int fd)
{
	CHECK(__close(fd) == 0);
}

SITE void close_by_close_range(int fd)
{
	CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
}

SITE void close_by_closefrom(int fd)
{
	closefrom(fd);
	CHECK_FAILS(dup(fd), EBADF);
}

SITE void close_by_syscall_close(int fd)
{
	CHECK(syscall(SYS_close, fd) == 0);
}

SITE void close_by_fclose(int fd)
{
	FILE *stream = fdopen(fd, "r+");

	CHECK(stream != NULL);
	CHECK(fclose(stream) == 0);
}

SITE void write_in_time(int fd)
{
	CHECK(write(fd, "in time", 7) == 7);
}

SITE void write_to_closed_number(int fd)
{
	CHECK_FAILS(write(fd, "too late", 8), EBADF);
}

static const struct {
	const char *name;
	void (*close)(int fd);
} ways[] = {
	{"close", close_by_close},
	{"close_alias", close_by_close_alias},
	{"close_range", close_by_close_range},
	{"closefrom", close_by_closefrom},
	{"syscall_close", close_by_syscall_close},
	{"fclose", close_by_fclose},
};

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");
	size_t way = 0;

	while (!same(ways[way].name, argument(argc, argv, 1)))
		CHECK(++way < sizeof ways / sizeof *ways);
	/* Out of the way of any other number, since some of these close all from here on. */
	int fd = fcntl(ends.ours, F_DUPFD, 100);

	CHECK(fd >= 100 && close(ends.ours) == 0);
	write_in_time(fd);
	ways[way].close(fd);
	if (same(argument(argc, argv, 2), "bad"))
		write_to_closed_number(fd);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
