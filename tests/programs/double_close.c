/*
 * Closes a number twice. The second close fails with EBADF, and would have closed somebody else's connection had the
 * number been given out again in between.
 *
 * double_close WAY bad    WAY, how the second close is made, or what the first one was:
 *                         close, syscall, fclose, after_range, copy (of two numbers of one socket, the other lives),
 *                         shutdown (which is no close, but ends a connection as well, by then somebody else's)
 * double_close WAY ok     closes each number once
 * double_close taken bad  a second connection has the number when it is closed again. Exits with 0 where that closed
 *                         the connection, with 3 where the close failed
 * double_close taken ok   the second connection has the number, and is the one that is closed
 * double_close file       a file has the number, and is closed twice: not what a socket sanitizer is about
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/syscall.h>

static FILE *stream;

SITE void close_first(int fd)
{
	CHECK(close(fd) == 0);
}

SITE void close_first_by_range(int fd)
{
	CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
}

SITE int close_again(int fd)
{
	int result = close(fd);

	CHECK(errno != EINTR);
	return result;
}

SITE int close_again_by_syscall(int fd)
{
	int result = (int)syscall(SYS_close, fd);

	CHECK(errno != EINTR);
	return result;
}

SITE int close_again_by_fclose(int fd)
{
	CHECK(fileno(stream) == fd);
	int result = fclose(stream);

	CHECK(errno != EINTR);
	return result;
}

SITE int shut_down_again(int fd)
{
	int result = shutdown(fd, SHUT_RDWR);

	CHECK(errno != EINTR);
	return result;
}

static const struct {
	const char *name;
	void (*first)(int fd);
	int (*second)(int fd);
} ways[] = {
	{"close", close_first, close_again},
	{"syscall", close_first, close_again_by_syscall},
	{"fclose", close_first, close_again_by_fclose},
	{"after_range", close_first_by_range, close_again},
	{"copy", close_first, close_again},
	{"shutdown", close_first, shut_down_again},
};

/* Two connections in turn, of which the second has the number of the first unless that is kept from it. */
static int close_taken_number(bool bad)
{
	struct ends first = ends_open("tcp4");
	int status = 0;

	close_first(first.ours);
	struct ends second = ends_open("tcp4");

	if (bad && close_again(first.ours) == -1) {
		CHECK(errno == EBADF);
		status = 3;
	}
	if (status == 0 && bad) {
		CHECK(second.ours == first.ours);
		wait_for_tcp_state(second.theirs, TCP_CLOSE_WAIT);
		CHECK_FAILS(write(second.ours, "lost", 4), EBADF);
	} else {
		CHECK(write(second.ours, "mine", 4) == 4);
		close_first(second.ours);
	}
	CHECK(close(first.theirs) == 0 && close(second.theirs) == 0);
	return status;
}

static int close_file_twice(void)
{
	struct ends ends = ends_open("tcp4");
	int file;

	close_first(ends.ours);
	do
		file = open("/dev/null", O_RDONLY);
	while (file >= 0 && file < ends.ours);
	CHECK(file == ends.ours && close(file) == 0);
	CHECK_FAILS(close(file), EBADF);
	CHECK(close(ends.theirs) == 0);
	return 0;
}

int main(int argc, char **argv)
{
	bool bad = same(argument(argc, argv, 2), "bad");
	size_t way = 0;

	if (same(argument(argc, argv, 1), "taken"))
		return close_taken_number(bad);
	if (same(argument(argc, argv, 1), "file"))
		return close_file_twice();
	while (!same(ways[way].name, argument(argc, argv, 1)))
		CHECK(++way < sizeof ways / sizeof *ways);

	struct ends ends = ends_open("tcp4");
	int copy = same(ways[way].name, "copy") ? fcntl(ends.ours, F_DUPFD, 50) : -1;

	CHECK(write(ends.ours, "hello", 5) == 5);
	stream = fdopen(ends.ours, "r");
	CHECK(stream != NULL);
	if (bad || ways[way].second != close_again_by_fclose)
		ways[way].first(ends.ours);
	if (bad)
		CHECK(ways[way].second(ends.ours) == -1 && errno == EBADF);
	else if (ways[way].second == close_again_by_fclose)
		CHECK(close_again_by_fclose(ends.ours) == 0);
	if (copy >= 0) {
		CHECK(write(copy, "alive", 5) == 5);
		CHECK(close(copy) == 0);
	}
	CHECK(close(ends.theirs) == 0);
	return 0;
}
