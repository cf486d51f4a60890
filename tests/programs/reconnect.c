/*
 * Uses one TCP socket for two connections: connect to AF_UNSPEC dissolves the first, and a second connect opens
 * another.
 *
 * reconnect bad    the peer of the second closes, and the program writes
 * reconnect ok     had read the end of the first, and uses the second properly
 */
#include "tests/programs/support.h"

SITE void write_in_second_life(int fd)
{
	CHECK(write(fd, "again", 5) == 5);
}

int main(int argc, char **argv)
{
	int listener = listener_open("tcp4", 4);
	struct ends ends = {.ours = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	bool bad = same(argument(argc, argv, 1), "bad");
	char buffer[5];

	CHECK(connect_to(ends.ours, listener) == 0);
	ends.theirs = accept(listener, NULL, NULL);
	CHECK(write(ends.ours, "first", 5) == 5);
	CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == 5);
	peer_closes(ends, "tcp4");
	CHECK(read(ends.ours, buffer, 1) == 0);

	CHECK(connect(ends.ours, &nobody, sizeof nobody) == 0);
	CHECK(connect_to(ends.ours, listener) == 0);
	ends.theirs = accept(listener, NULL, NULL);
	if (bad)
		peer_closes(ends, "tcp4");
	write_in_second_life(ends.ours);
	if (!bad)
		CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == 5);
	CHECK(close(ends.ours) == 0 && close(listener) == 0);
	return 0;
}
