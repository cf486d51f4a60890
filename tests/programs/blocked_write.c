/*
 * Waits inside a write for room, while the peer goes: the connection stood when the write began, so whatever else
 * is said of it, it is no mistake that the program could have avoided.
 *
 * blocked_write reset    the peer resets: the write returns what it had placed until then
 * blocked_write ok       the peer reads everything
 */
#include "tests/programs/support.h"
#include <pthread.h>

enum { LENGTH = 16 << 20 };

static char bytes[LENGTH];
static struct ends ends;
static bool peer_reads;

static void *be_peer(void *unused)
{
	ssize_t count = 1;

	wait_for_input(ends.theirs, 1);
	while (peer_reads && count > 0)
		count = recv(ends.theirs, (char[65536]){0}, 65536, 0);
	if (!peer_reads)
		peer_resets(ends);
	return unused;
}

SITE ssize_t write_until_room(int fd)
{
	ssize_t result = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);

	CHECK(result != 0);
	return result;
}

int main(int argc, char **argv)
{
	pthread_t peer;

	peer_reads = same(argument(argc, argv, 1), "ok");
	ends = ends_open("tcp4");
	CHECK(pthread_create(&peer, NULL, be_peer, NULL) == 0);
	ssize_t result = write_until_room(ends.ours);

	CHECK(peer_reads ? result == LENGTH : result > 0 && result < LENGTH);
	if (peer_reads)
		CHECK(shutdown(ends.ours, SHUT_WR) == 0);
	CHECK(pthread_join(peer, NULL) == 0);
	CHECK(close(ends.ours) == 0);
	return 0;
}
