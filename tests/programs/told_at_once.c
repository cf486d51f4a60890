/*
 * The peer closes within microseconds of a write that was in order; the program reads the end at once, and at once
 * writes all the same. What was found of the connection a moment ago tells nothing any more: the program has been told
 * since.
 *
 * told_at_once bad     writes after it has read the end
 * told_at_once ok      does not
 */
#include "tests/programs/support.h"
#include <sys/mman.h>

enum { CONNECTIONS = 50 };

static _Atomic int *closed; /* connections that the other process has closed */

SITE void write_though_told(int fd)
{
	CHECK(send(fd, "late", 4, MSG_NOSIGNAL) == 4);
}

/* Takes one byte of each connection, and closes it before anybody can do anything else. */
static void be_peer(int listener)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept(listener, NULL, NULL);
		char byte;

		CHECK(fd >= 0);
		while (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
			CHECK(errno == EAGAIN);
		CHECK(close(fd) == 0);
		++*closed;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	bool bad = same(argument(argc, argv, 1), "bad");
	int listener = listener_open("tcp4", CONNECTIONS);
	pid_t peer;

	closed = mmap(NULL, sizeof *closed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(closed != MAP_FAILED);
	peer = fork();
	CHECK(peer >= 0);
	if (peer == 0)
		be_peer(listener);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char byte;

		CHECK(fd >= 0 && connect_to(fd, listener) == 0);
		for (int j = 0; j < 2; j++)
			pause_1ms(); /* it is accepted and waited for */
		CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == 1);
		while (*closed == i)
			continue;
		CHECK(recv(fd, &byte, 1, 0) == 0);
		if (bad)
			write_though_told(fd);
		CHECK(close(fd) == 0);
	}
	child_succeeds(peer);
	return 0;
}
