/*
 * Customs around closing that are no misuse, and about which a report must be silent.
 *
 * close_customs WAY
 *   loop      closes every number there could be, as daemons do
 *   range     the same by close_range
 *   probes    asks by F_GETFD and fstat whether numbers are open that it has closed
 *   shuts     shuts both halves, reads the end, then closes
 *   drains    shuts its writing half, reads until the peer's end, then closes
 *   replaced  puts /dev/null on the socket's number, and writes there
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/stat.h>

static void close_every_number(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void probe_closed(struct ends ends)
{
	struct stat status;

	CHECK(close(ends.ours) == 0);
	CHECK_FAILS(fcntl(ends.ours, F_GETFD), EBADF);
	CHECK_FAILS(fstat(ends.ours, &status), EBADF);
	CHECK(close(ends.theirs) == 0);
}

static void shut_and_close(struct ends ends)
{
	char byte;

	CHECK(shutdown(ends.ours, SHUT_RDWR) == 0);
	CHECK(read(ends.ours, &byte, 1) == 0);
	CHECK(read(ends.theirs, &byte, 1) == 0);
	CHECK(close(ends.theirs) == 0 && close(ends.ours) == 0);
}

static void drain_and_close(struct ends ends)
{
	char buffer[8];

	CHECK(shutdown(ends.ours, SHUT_WR) == 0);
	CHECK(close(ends.theirs) == 0);
	while (read(ends.ours, buffer, sizeof buffer) > 0)
		continue;
	CHECK(close(ends.ours) == 0);
}

static void replace(struct ends ends)
{
	int null = open("/dev/null", O_WRONLY);

	CHECK(null >= 0 && dup2(null, ends.ours) == ends.ours);
	CHECK(write(ends.ours, "into nothing", 12) == 12);
	CHECK(close(ends.theirs) == 0 && close(ends.ours) == 0 && close(null) == 0);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");

	CHECK(write(ends.theirs, "bye", 3) == 3);
	wait_for_input(ends.ours, 3);
	CHECK(read(ends.ours, &(char[3]){0}, 3) == 3);
	if (same(way, "loop"))
		close_every_number();
	else if (same(way, "range"))
		CHECK(close_range(3, ~0U, 0) == 0);
	else if (same(way, "probes"))
		probe_closed(ends);
	else if (same(way, "shuts"))
		shut_and_close(ends);
	else if (same(way, "drains"))
		drain_and_close(ends);
	else
		replace(ends);

	/* Life goes on, on the same numbers. */
	ends = ends_open("tcp4");
	CHECK(write(ends.ours, "hello", 5) == 5);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	return 0;
}
