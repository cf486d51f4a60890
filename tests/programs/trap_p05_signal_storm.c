/*
 * A storm of signals, whose handler writes to a dead connection, while the threads that they interrupt do the same from
 * ever new stacks: so writes come in the middle of an audit, of its unwinder, of its loader. Every write of either sort
 * is counted, and each is one in the report.
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

enum { THREADS = 3, ROUNDS = 400, HANDLED = 100000 };

static int by_handler;
static _Atomic long from_handler;
static _Atomic long from_threads;

SITE void write_in_handler(int number)
{
	int error = errno;

	CHECK(number == SIGALRM);
	CHECK_FAILS(send(by_handler, "storm", 5, MSG_NOSIGNAL), EPIPE);
	from_handler++;
	errno = error;
}

SITE void write_at_depth(int fd, int depth)
{
	if (depth > 0)
		write_at_depth(fd, depth - 1);
	else
		CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
	__asm__ volatile("");
}

static void *work(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ends ends = ends_open("pair");

		peer_closes(ends, "pair");
		write_at_depth(ends.ours, i % 40);
		from_threads++;
		CHECK(close(ends.ours) == 0);
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = write_in_handler, .sa_flags = SA_RESTART};
	struct itimerval often = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200}, never = {0};
	struct ends ends = ends_open("pair");
	pthread_t threads[THREADS];

	by_handler = ends.ours;
	peer_closes(ends, "pair");
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	work(NULL);
	for (int i = 0; i < THREADS; i++)
		while (pthread_join(threads[i], NULL) != 0)
			continue;
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(from_handler > 0 && from_threads == (THREADS + 1) * ROUNDS);
	/* so that all in all it is a number that the report can be asked for */
	CHECK(from_handler <= HANDLED);
	while (from_handler < HANDLED)
		CHECK(raise(SIGALRM) == 0);
	return 0;
}
