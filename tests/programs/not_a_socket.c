/*
 * Makes the mistakes that other tools are for, with descriptors that never were sockets: a broken pipe, a closed
 * file, a number that was never open. No socket, no trace, no report.
 */
#include "tests/programs/support.h"
#include <sys/mman.h>

int main(void)
{
	int channel[2], file = memfd_create("file", 0);

	count_sigpipe();
	CHECK(file >= 0 && write(file, "text", 4) == 4);
	CHECK(close(file) == 0);
	CHECK_FAILS(write(file, "text", 4), EBADF);
	CHECK(pipe(channel) == 0 && close(channel[0]) == 0);
	CHECK_FAILS(write(channel[1], "text", 4), EPIPE);
	CHECK(sigpipe_count == 1);
	CHECK_FAILS(write(500, "text", 4), EBADF);
	CHECK_FAILS(send(channel[1], "text", 4, 0), ENOTSOCK);
	CHECK_FAILS(close(500), EBADF);
	CHECK(close(channel[1]) == 0);
	return 0;
}
