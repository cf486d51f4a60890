/* store.c: a stack that several threads bring at once is stored once. */
#include <pthread.h>

#include "shim/stack/stack_store.h"
#include "tests/unit/shim/fixture.h"

enum { THREADS = 4, ROUNDS = 2000 / FIXTURE_SLOWER };

static pthread_barrier_t barrier;
static trace_ref refs[THREADS][ROUNDS];

static void set_up(void)
{
	fixture_begin(16 << 20);
	cr_assert(trace_log_open());
}

TestSuite(stack_store, .init = set_up, .fini = fixture_end);

static void *store_each(void *argument)
{
	trace_ref *stored = argument;

	for (uintptr_t round = 0; round < ROUNDS; round++) {
		void *frames[] = {(void *)(round + 1), (void *)2};
		struct capture capture = {frames, 2, NULL, 0};

		pthread_barrier_wait(&barrier);
		stored[round] = stack_store(&capture);
	}
	return NULL;
}

Test(stack_store, of_several_threads_at_once, .timeout = 300)
{
	pthread_t threads[THREADS];

	cr_assert(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, store_each, refs[i]) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int round = 0; round < ROUNDS; round++) {
		cr_assert(refs[0][round] && (!round || refs[0][round] != refs[0][round - 1]));
		for (int i = 1; i < THREADS; i++)
			cr_assert(refs[i][round] == refs[0][round], "round %d", round);
	}
}
