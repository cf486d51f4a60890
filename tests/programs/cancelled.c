/*
 * Cancels a thread that waits inside a call on a socket. The call stays a cancellation point, nothing is left
 * locked, and the connection is used afterwards.
 *
 * cancelled read     while it waits for data
 * cancelled write    while it waits for room
 */
#include "tests/programs/support.h"
#include <pthread.h>

static struct ends ends;
static char bytes[1 << 20];

static void *wait_in_read(void *unused)
{
	CHECK(read(ends.ours, bytes, 1) == -1);
	return unused;
}

static void *wait_in_write(void *unused)
{
	while (write(ends.ours, bytes, sizeof bytes) > 0)
		continue;
	return unused;
}

int main(int argc, char **argv)
{
	bool reads = same(argument(argc, argv, 1), "read");
	pthread_t thread;
	void *result;

	ends = ends_open("tcp4");
	CHECK(pthread_create(&thread, NULL, reads ? wait_in_read : wait_in_write, NULL) == 0);
	if (!reads)
		wait_for_input(ends.theirs, 1);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK(result == PTHREAD_CANCELED);
	CHECK(write(ends.theirs, "alive", 5) == 5);
	CHECK(recv(ends.ours, bytes, 5, MSG_WAITALL) == 5 && memcmp(bytes, "alive", 5) == 0);
	return 0;
}
