/*
 * A child with four busy threads is killed by SIGKILL in the middle of its work. What happened before is in the
 * report to the last write.
 *
 * killed bad    each thread had written 500 times to its own dead connection
 * killed ok     they only ever did honest work
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { THREADS = 4, TIMES = 500 };

static bool bad;
static _Atomic int *busy; /* threads that have got to their honest work; shared with the parent */

SITE void write_to_dead_connection(int fd)
{
	CHECK_FAILS(send(fd, "dead", 4, MSG_NOSIGNAL), EPIPE);
}

static void misuse(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	peer_resets(ends);
	CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	for (int i = 0; i < TIMES; i++)
		write_to_dead_connection(ends.ours);
}

static void *work(void *unused)
{
	struct ends ends = ends_open("pair");
	char buffer[5];

	if (bad)
		misuse();
	(*busy)++;
	for (;;) {
		CHECK(write(ends.ours, "hello", 5) == 5);
		CHECK(read(ends.theirs, buffer, 5) == 5);
	}
	return unused;
}

static void be_child(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	pthread_join(threads[0], NULL);
}

int main(int argc, char **argv)
{
	int status = 0;

	bad = same(argument(argc, argv, 1), "bad");
	busy = mmap(NULL, sizeof *busy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(busy != MAP_FAILED);
	pid_t child = fork();

	if (child == 0)
		be_child();
	for (int i = 0; i < WAIT_BOUND_MS && *busy < THREADS; i++)
		pause_1ms();
	CHECK(*busy == THREADS);
	CHECK(kill(child, SIGKILL) == 0);
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return 0;
}
