/*
 * Writes on a socket that was never connected: row F. TCP refuses with EPIPE and SIGPIPE, AF_UNIX with ENOTCONN.
 *
 * row_f_never_connected FAMILY bad
 * row_f_never_connected FAMILY listening   the socket listens: the program mixed it up with the accepted one
 * row_f_never_connected FAMILY ok          connects first
 */
#include "tests/programs/support.h"

SITE void write_unconnected(int fd, bool tcp)
{
	CHECK_FAILS(write(fd, "hello?", 6), tcp ? EPIPE : ENOTCONN);
	CHECK(sigpipe_count == (tcp ? 1 : 0));
}

SITE void write_connected(int fd)
{
	CHECK(write(fd, "hello", 5) == 5);
}

int main(int argc, char **argv)
{
	const char *family = argument(argc, argv, 1);
	const char *how = argument(argc, argv, 2);
	int listener = listener_open(family, 1);
	int fd = socket(socket_domain(family), socket_type(family), 0);

	CHECK(fd >= 0);
	count_sigpipe();
	if (same(how, "bad")) {
		write_unconnected(fd, is_tcp(family));
	} else if (same(how, "listening")) {
		write_unconnected(listener, is_tcp(family));
	} else {
		CHECK(connect_to(fd, listener) == 0);
		write_connected(fd);
	}
	CHECK(close(fd) == 0);
	CHECK(close(listener) == 0);
	return 0;
}
