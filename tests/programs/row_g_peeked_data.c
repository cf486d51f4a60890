/*
 * The peer sent an answer and closed; the program peeks at the answer, which lies before the FIN and hides it, and
 * writes again: row G. The write returns success, its bytes are lost, and the program had been told nothing.
 *
 * row_g_peeked_data FAMILY bad
 * row_g_peeked_data FAMILY ok     reads the answer and the end, and writes nothing
 */
#include "tests/programs/support.h"

SITE void write_after_peek(int fd)
{
	CHECK(write(fd, "next question", 13) == 13);
}

int main(int argc, char **argv)
{
	const char *family = argument(argc, argv, 1);
	struct ends ends = ends_open(family);
	char answer[6];

	CHECK(write(ends.theirs, "answer", 6) == 6);
	peer_closes(ends, family);
	wait_for_input(ends.ours, 6);
	CHECK(recv(ends.ours, answer, sizeof answer, MSG_PEEK) == 6);
	if (same(argument(argc, argv, 2), "bad")) {
		write_after_peek(ends.ours);
	} else {
		CHECK(recv(ends.ours, answer, sizeof answer, 0) == 6);
		CHECK(recv(ends.ours, answer, sizeof answer, 0) == 0);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
