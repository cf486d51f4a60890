/*
 * A thread is cancelled inside a write that was suspect from the start, since the peer has shut its half and reads no
 * more: an incident is announced and never completed, its thread never comes back. Others write on the same connection
 * meanwhile and afterwards, and threads that are cancelled in the middle of a call that ends at once leave nothing
 * locked.
 *
 * trap_p16_cancelled_in_hook deferred        by the call itself, a cancellation point
 * trap_p16_cancelled_in_hook asynchronous    anywhere while it waits in the call
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <pthread.h>

static struct ends ends;
static bool asynchronous;
static char bytes[1 << 22];

SITE void write_and_wait(void)
{
	CHECK(write(ends.ours, bytes, sizeof bytes) >= 0);
	CHECK(!"came back");
}

static void *be_cancelled(void *unused)
{
	if (asynchronous)
		CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
	write_and_wait();
	return unused;
}

SITE void write_afterwards(void)
{
	CHECK(fcntl(ends.ours, F_SETFL, O_NONBLOCK) == 0);
	while (write(ends.ours, "more", 4) > 0)
		continue;
	CHECK(errno == EAGAIN);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *result;

	asynchronous = same(argument(argc, argv, 1), "asynchronous");
	ends = ends_open("tcp4");
	CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	CHECK(pthread_create(&thread, NULL, be_cancelled, NULL) == 0);
	wait_for_input(ends.theirs, 1);
	for (int i = 0; i < 50; i++)
		pause_1ms();
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	write_afterwards();
	while (read(ends.theirs, bytes, sizeof bytes) > 0 && tcp_information(ends.ours).tcpi_unacked > 0)
		continue;
	return 0;
}
