/*
 * An unwinder that is not sure whether an address can be read tries it on a pipe. This program closes every number
 * first, then has sockets where such a pipe would be, and writes to a dead connection out of code without unwind
 * information, so that addresses have to be tried. No byte of its own may be missing afterwards, none may have been
 * added, and no number be taken.
 */
#include "tests/programs/jit.h"
#include "tests/programs/support.h"
#include <fcntl.h>

enum { PAIRS = 4 };

static struct ends dead;
static struct ends pairs[PAIRS];

SITE void write_out_of_nowhere(void)
{
	CHECK_FAILS(send(dead.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void check_pairs(void)
{
	char bytes[16];

	for (int i = 0; i < PAIRS; i++) {
		CHECK(recv(pairs[i].theirs, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) == 9);
		CHECK(memcmp(bytes, "important", 9) == 0);
		CHECK_FAILS(recv(pairs[i].ours, bytes, sizeof bytes, MSG_DONTWAIT), EAGAIN);
	}
}

static void check_numbers(int expected)
{
	int fd = dup(1);

	CHECK(fd == expected && close(fd) == 0);
}

int main(void)
{
	jit_function *functions[6];
	size_t count = jit_make_all(functions);

	dead = ends_open("pair");
	CHECK(close(dead.theirs) == 0);
	write_out_of_nowhere(); /* whatever an unwinder keeps open, it has opened by now */
	CHECK(dup2(dead.ours, 100) == 100);
	CHECK(close_range(3, 99, 0) == 0);
	dead.ours = 100;
	for (int i = 0; i < PAIRS; i++) {
		pairs[i] = ends_open("pair");
		CHECK(pairs[i].ours == 3 + 2 * i && pairs[i].theirs == 4 + 2 * i);
		CHECK(send(pairs[i].ours, "important", 9, 0) == 9);
	}
	for (size_t i = 0; i < count; i++) {
		functions[i](write_out_of_nowhere);
		check_pairs();
		check_numbers(3 + 2 * PAIRS);
		CHECK_FAILS(fcntl(4 + 2 * PAIRS, F_GETFD), EBADF);
	}
	/* and once more with the lowest number free and the next one not */
	CHECK(dup2(3, 50) == 50 && close(3) == 0);
	pairs[0].ours = 50;
	functions[0](write_out_of_nowhere);
	check_pairs();
	check_numbers(3);
	return 0;
}
