/*
 * The first thing that a thread does with a socket, it does in a signal handler that has interrupted malloc: a write to
 * a peer that has closed. Whatever an audit needs for the first stack of a thread, it must not come from malloc, whose
 * lock this very thread may hold. Again and again, each time in a new thread, with a connection of its own.
 */
#include "tests/programs/support.h"
#include <pthread.h>

enum { THREADS = 200 };

static struct ends ends;
static volatile sig_atomic_t written;
static volatile int running;
static void *volatile block;

SITE void write_in_handler(int number)
{
	int error = errno;

	CHECK(number == SIGUSR1);
	CHECK_FAILS(send(ends.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
	errno = error;
	written = 1;
}

/* Blocks too large for the caches that a thread has for itself: each call takes the lock of the arena. */
static void *allocate(void *unused)
{
	for (size_t i = 0; !written; i++) {
		block = malloc(2000 + i % 8 * 1000);
		CHECK(block != NULL);
		free(block);
		running = 1;
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = write_in_handler};

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;

		ends = ends_open("pair");
		peer_closes(ends, "pair");
		written = running = 0;
		CHECK(pthread_create(&thread, NULL, allocate, NULL) == 0);
		while (!running)
			continue;
		CHECK(pthread_kill(thread, SIGUSR1) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		CHECK(close(ends.ours) == 0);
	}
	return 0;
}
