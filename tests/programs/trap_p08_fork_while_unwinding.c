/*
 * Forks while another thread is in the middle of taking a stack, for certain: an unwinder asks dl_iterate_phdr for the
 * loaded objects, which here is the program's own, and takes its time for that thread. What it has locked meanwhile
 * stays locked in a child. Each child misuses a connection of its own; the stack of that is there where the fork waited
 * for the other thread.
 *
 * trap_p08_fork_while_unwinding fork
 * trap_p08_fork_while_unwinding _Fork
 */
#include "tests/programs/jit.h"
#include "tests/programs/late_child.h"
#include "tests/programs/support.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>

enum { CHILDREN = 10 };

typedef int iterate_function(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

static iterate_function *libc_iterate;
static __thread bool slow;
static __thread int dead;
static _Atomic bool wanted, inside, done;

int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	if (slow) {
		slow = false;
		inside = true;
		for (int i = 0; i < 3; i++)
			pause_1ms();
		inside = false;
	}
	return libc_iterate(callback, data);
}

SITE void write_to_closed_peer(void)
{
	CHECK_FAILS(send(dead, "late", 4, MSG_NOSIGNAL), EPIPE);
}

/* Each time below code that was not there before, of which no object knows anything. */
static void *work(void *unused)
{
	struct ends ends = ends_open("pair");

	CHECK(close(ends.theirs) == 0);
	dead = ends.ours;
	while (!done) {
		while (!wanted && !done)
			pause_1ms();
		wanted = false;
		slow = true;
		jit_make(1)(write_to_closed_peer);
		slow = false;
	}
	return unused;
}

int main(int argc, char **argv)
{
	bool by_fork = same(argument(argc, argv, 1), "fork");
	pthread_t thread;

	libc_iterate = (iterate_function *)dlsym(RTLD_NEXT, "dl_iterate_phdr");
	CHECK(libc_iterate != NULL);
	CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child;

		wanted = true;
		for (int j = 0; j < 100 && !inside; j++) /* never so without an audit */
			pause_1ms();
		child = by_fork ? fork() : _Fork();
		if (child == 0)
			be_late_child();
		child_succeeds(child);
	}
	done = true;
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
