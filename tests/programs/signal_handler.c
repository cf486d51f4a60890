/*
 * Writes from a signal handler. The stack shows the handler and what it interrupted.
 *
 * signal_handler bad    the peer has closed
 * signal_handler ok     the peer is there: an honest wake-up
 */
#include "tests/programs/support.h"

static struct ends ends;

SITE void write_in_handler(int number)
{
	int error = errno;

	CHECK(number == SIGUSR1);
	CHECK(write(ends.ours, "!", 1) == 1);
	errno = error;
}

SITE void be_interrupted(void)
{
	CHECK(raise(SIGUSR1) == 0);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = write_in_handler};
	bool bad = same(argument(argc, argv, 1), "bad");
	char byte;

	ends = ends_open("tcp4");
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	if (bad)
		peer_closes(ends, "tcp4");
	be_interrupted();
	if (!bad)
		CHECK(recv(ends.theirs, &byte, 1, MSG_WAITALL) == 1 && byte == '!');
	CHECK(close(ends.ours) == 0);
	return 0;
}
