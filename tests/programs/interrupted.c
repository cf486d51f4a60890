/*
 * A signal interrupts a wait for data (EINTR), and the program goes on. An interruption says nothing of the peer:
 * the write that follows is fine; later, after the peer closed unnoticed, it is a race.
 *
 * interrupted bad
 * interrupted ok
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <stdatomic.h>

static pthread_t waiter;
static atomic_bool interrupted;

static void ignore_signal(int number)
{
	(void)number;
}

static void *interrupt(void *unused)
{
	while (!interrupted) {
		CHECK(pthread_kill(waiter, SIGUSR1) == 0);
		pause_1ms();
	}
	return unused;
}

static void be_interrupted(int fd)
{
	struct sigaction action = {.sa_handler = ignore_signal};
	pthread_t thread;
	char byte;

	waiter = pthread_self();
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, interrupt, NULL) == 0);
	/* The first signal may come before the read, another comes during it. */
	CHECK_FAILS(read(fd, &byte, 1), EINTR);
	interrupted = true;
	CHECK(pthread_join(thread, NULL) == 0);
}

SITE void write_after_interruption(int fd)
{
	CHECK(write(fd, "where was I", 11) == 11);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");

	be_interrupted(ends.ours);
	if (same(argument(argc, argv, 1), "bad"))
		peer_closes(ends, "tcp4");
	write_after_interruption(ends.ours);
	CHECK(close(ends.ours) == 0);
	return 0;
}
