/*
 * Writes after its own shutdown of the writing half: row E. The peer is still there; the kernel refuses with EPIPE
 * and SIGPIPE. Nobody else is to blame.
 *
 * row_e_own_shutdown FAMILY HALF    HALF is wr or rdwr
 * row_e_own_shutdown FAMILY rd      shuts only its reading half: its writes are fine
 * row_e_own_shutdown FAMILY ok      writes, then shuts
 */
#include "tests/programs/support.h"

SITE void shut_own_half(int fd, int half)
{
	CHECK(shutdown(fd, half) == 0);
}

SITE void write_after_own_shutdown(int fd)
{
	CHECK_FAILS(write(fd, "one more thing", 14), EPIPE);
}

SITE void write_in_time(int fd)
{
	CHECK(write(fd, "in good time", 12) == 12);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open(argument(argc, argv, 1));

	count_sigpipe();
	if (same(how, "ok"))
		write_in_time(ends.ours);
	shut_own_half(ends.ours, same(how, "rd") ? SHUT_RD : same(how, "rdwr") ? SHUT_RDWR : SHUT_WR);
	if (same(how, "rd"))
		write_in_time(ends.ours);
	else if (!same(how, "ok"))
		write_after_own_shutdown(ends.ours);
	CHECK(close(ends.ours) == 0);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
