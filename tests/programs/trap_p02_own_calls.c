/*
 * What an audit calls itself, loader and unwinder, must not be audited in turn. Each thread of this program gets its
 * first stack below code without unwind information, where addresses are tried by system calls through the program's
 * own libc. The numbers of writes and bytes of each socket come out as the program made them, and no descriptor is
 * gone.
 */
#include "tests/programs/jit.h"
#include "tests/programs/support.h"
#include <pthread.h>

enum { THREADS = 8, TIMES = 50 };

static jit_function *functions[6];
static size_t function_count;
static __thread struct ends dead;

SITE void write_out_of_nowhere(void)
{
	CHECK_FAILS(write(dead.ours, "late", 4), EPIPE);
}

static void *work(void *unused)
{
	dead = ends_open("pair");
	CHECK(close(dead.theirs) == 0);
	for (int i = 0; i < TIMES; i++)
		functions[(size_t)i % function_count](write_out_of_nowhere);
	CHECK(close(dead.ours) == 0);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];

	signal(SIGPIPE, SIG_IGN);
	function_count = jit_make_all(functions);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	printf("the next number is %d\n", dup(1)); /* what the unwinder asked for was not had */
	return 0;
}
