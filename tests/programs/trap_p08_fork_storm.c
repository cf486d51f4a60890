/*
 * Forks again and again while other threads are in the middle of an audit: making sockets, taking stacks, adding to the
 * trace. Whatever they hold at that moment nobody lets go in the child, which at once does the same as they: each child
 * misuses a connection of its own and ends well.
 *
 * trap_p08_fork_storm fork     by fork, whose handlers are told
 * trap_p08_fork_storm _Fork    by _Fork, which calls no handlers
 */
#include "tests/programs/jit.h"
#include "tests/programs/late_child.h"
#include "tests/programs/support.h"
#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 3, CHILDREN = 30 };

static __thread int dead;
static _Atomic int started;
static _Atomic bool done;

SITE void write_to_closed_peer(void)
{
	CHECK_FAILS(send(dead, "late", 4, MSG_NOSIGNAL), EPIPE);
}

/* Below code without unwind information, whose stacks take long. */
static void *work(void *unused)
{
	struct ends ends = ends_open("pair");
	jit_function *functions[6];
	size_t count = jit_make_all(functions);

	CHECK(close(ends.theirs) == 0);
	dead = ends.ours;
	started++;
	for (size_t i = 0; !done; i++) {
		struct ends more = ends_open("pair");

		functions[i % count](write_to_closed_peer);
		CHECK(close(more.ours) == 0 && close(more.theirs) == 0);
	}
	return unused;
}

int main(int argc, char **argv)
{
	bool by_fork = same(argument(argc, argv, 1), "fork");
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	while (started < THREADS) /* or a child would have the other end, too */
		pause_1ms();
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = by_fork ? fork() : _Fork();

		if (child == 0)
			be_late_child();
		child_succeeds(child);
	}
	done = true;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
