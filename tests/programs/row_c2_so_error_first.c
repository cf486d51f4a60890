/*
 * Reads SO_ERROR after a reset, then writes all the same: row C2. Reading SO_ERROR took the error, so the write
 * fails with EPIPE and SIGPIPE where it would have failed with ECONNRESET and no signal. An audit that read
 * SO_ERROR itself would change what this program sees.
 *
 * row_c2_so_error_first FAMILY bad
 * row_c2_so_error_first FAMILY ok     believes what it read and writes nothing
 */
#include "tests/programs/support.h"

SITE void learn_by_so_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
	CHECK(error == ECONNRESET);
}

SITE void write_anyway(int fd)
{
	CHECK_FAILS(write(fd, "anyway", 6), EPIPE);
	CHECK(sigpipe_count == 1);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));

	count_sigpipe();
	peer_resets(ends);
	learn_by_so_error(ends.ours);
	if (same(argument(argc, argv, 2), "bad"))
		write_anyway(ends.ours);
	CHECK(close(ends.ours) == 0);
	return 0;
}
