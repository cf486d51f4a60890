/*
 * A program that closes every number, standard ones included, has its sockets at 0, 1 and 2, and may have 16
 * descriptors, which it has, all of them: there is none left for an audit, and none that it had before. Its misuse is
 * found all the same.
 */
#include "tests/programs/support.h"
#include <sys/resource.h>

static void fail_without_a_word(bool condition, int status)
{
	if (!condition)
		_exit(status);
}

SITE void write_to_closed_peer(int fd)
{
	fail_without_a_word(send(fd, "late", 4, MSG_NOSIGNAL) == -1 && errno == EPIPE, 1);
}

int main(void)
{
	struct ends pairs[8];
	char byte;

	CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16}) == 0);
	for (int round = 0; round < 3; round++) {
		fail_without_a_word(close_range(0, ~0U, 0) == 0, 2);
		for (int i = 0; i < 8; i++) {
			pairs[i] = ends_open("pair");
			fail_without_a_word(pairs[i].ours == 2 * i && pairs[i].theirs == 2 * i + 1, 3);
		}
		fail_without_a_word(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EMFILE, 4);
		fail_without_a_word(shutdown(pairs[1].theirs, SHUT_RDWR) == 0, 5);
		write_to_closed_peer(pairs[1].ours); /* number 2 */
		fail_without_a_word(write(pairs[0].ours, "!", 1) == 1 && read(pairs[0].theirs, &byte, 1) == 1, 6);
		fail_without_a_word(recv(pairs[0].ours, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, 7);
	}
	return 0;
}
