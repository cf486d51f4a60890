/*
 * Writes on an AF_UNIX socket whose peer shut its reading half: row H3. Refused at once, though a poll before the
 * write shows nothing but that it is writable.
 *
 * row_h3_unix_peer_shut_rd FAMILY bad
 * row_h3_unix_peer_shut_rd FAMILY ok    writes before the peer shuts
 */
#include "tests/programs/support.h"
#include <poll.h>

SITE void write_to_deaf_peer(int fd)
{
	CHECK_FAILS(write(fd, "listen!", 7), EPIPE);
}

static void write_in_time(int fd)
{
	CHECK(write(fd, "listen!", 7) == 7);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));
	bool well = same(argument(argc, argv, 2), "ok");
	struct pollfd poller = {.fd = ends.ours, .events = POLLIN | POLLOUT | POLLRDHUP};

	count_sigpipe();
	if (well)
		write_in_time(ends.ours);
	CHECK(shutdown(ends.theirs, SHUT_RD) == 0);
	CHECK(poll(&poller, 1, 0) == 1 && poller.revents == POLLOUT);
	if (!well)
		write_to_deaf_peer(ends.ours);
	CHECK(close(ends.ours) == 0);
	CHECK(close(ends.theirs) == 0);
	return 0;
}
