/* incident_merge.c: incidents merged, or not, and taken back. */
#include "tests/unit/shim/verdict/incident_fixture.h"

TestSuite(incident, .init = set_up, .fini = fixture_end);

/* ---- merged, or not ---- */

Test(incident, repeats_from_one_place_are_one_incident)
{
	const struct trace_incident *incident = NULL;

	for (int i = 0; i < 1000; i++)
		incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
	cr_expect(incident->count == 1000 && incident->bytes_offered == 10000);
	cr_expect(incident->last_ns == incident->first_ns + 999);
	cr_expect(incident->history_count == 1 && incident->history[0].t_ns == incident->first_ns);
}

static const struct trace_incident *announced(struct incident_call call)
{
	bool fresh;

	return incident_announce(&call, &fresh);
}

Test(incident, what_differs_stays_apart)
{
	struct incident_call calls[8];
	struct socket *other = socket_new();

	record_make(other, 9, TRACE_CONNECT);
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		calls[i] = a_call(1);
	calls[1].call = "sendmsg";
	calls[2].fd = 8;
	calls[3].verdict.kind = TRACE_WRITE_AFTER_RESET;
	calls[4].verdict.knowledge = TRACE_TOLD;
	calls[5].socket = other;
	calls[5].record = other->record;
	calls[6].socket = NULL;
	calls[6].record = NULL;
	for (size_t i = 0; i < COUNT_OF(calls) - 1; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect(announced(calls[i]) != announced(calls[j]), "%zu and %zu", i, j);
	cr_expect(announced(calls[7]) == announced(calls[0]));
	cr_expect(incidents(TRACE_COMMITTED) == COUNT_OF(calls) - 1);
}

/* The stack without its innermost frames, which are the shim's own: so a place is a caller of libc here. */
static const struct trace_incident *found;

static int write_in_callback(const void *a, const void *b)
{
	(void)a;
	(void)b;
	found = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	return 0;
}

__attribute__((noinline)) static const struct trace_incident *one_place(void)
{
	size_t count = 1;

	lfind("a", "a", &count, 1, write_in_callback);
	return found;
}

__attribute__((noinline)) static const struct trace_incident *another_place(void)
{
	size_t count = 1;

	lfind("a", "a", &count, 1, write_in_callback);
	return found;
}

Test(incident, places_are_told_apart_by_their_stacks)
{
	const struct trace_incident *first = NULL, *second = NULL;

	if (trace_log_process()->coverage & TRACE_NO_UNWINDER)
		cr_skip_test("libunwind is not installed");
	/* volatile: gcc on arm64 would write the first round out by itself, and make other places of its calls */
	for (volatile int i = 0; i < 10; i++) {
		const struct trace_incident *one = one_place(), *other = another_place();

		cr_expect(one->stack_write && other->stack_write && one->stack_write != other->stack_write);
		cr_expect(i == 0 || (one == first && other == second));
		first = one;
		second = other;
	}
	cr_expect(incidents(TRACE_COMMITTED) == 2 && first->count == 10 && second->count == 10);
}

/* ---- taken back ---- */

Test(incident, taken_back)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_withdraw(incident, &call);
	cr_expect(incidents(TRACE_COMMITTED) == 0 && incidents(TRACE_VOID) == 1);
}

Test(incident, one_of_several_taken_back)
{
	struct incident_call call = a_call(7);
	const struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	bool fresh;

	incident_withdraw(incident_announce(&call, &fresh), &call);
	cr_expect(incident->count == 1 && incident->bytes_offered == 10 && incidents(TRACE_COMMITTED) == 1);
	expect_outcome(incident, TRACE_REJECTED);
}

Test(incident, taken_back_altogether)
{
	struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);

	incident_void(incident);
	cr_expect(incidents(TRACE_COMMITTED) == 0);
	cr_expect(write_rejected(EPIPE, TRACE_SIGPIPE_NONE)->count == 1);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
}

/* Two threads wait in the same place, and both are told to try again: in whatever order, nothing is left. */
Test(incident, all_of_several_taken_back)
{
	struct incident_call calls[2] = {a_call(10), a_call(10)};
	bool fresh[2];
	struct trace_incident *incident = incident_announce(&calls[0], &fresh[0]);

	cr_expect(incident_announce(&calls[1], &fresh[1]) == incident);
	incident_withdraw(incident, &calls[0]);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
	incident_withdraw(incident, &calls[1]);
	cr_expect(incidents(TRACE_COMMITTED) == 0 && incident->count == 0);
}

/* A program that asks again and again, and is told to try later, must not fill the log with what was taken back. */
Test(incident, taken_back_again_and_again)
{
	struct incident_call call;
	const struct trace_incident *incident;
	bool fresh;

	for (int i = 0; i < 1000; i++) {
		call = a_call(10);
		incident_withdraw(incident_announce(&call, &fresh), &call);
	}
	cr_expect(incidents(TRACE_COMMITTED) == 0 && incidents(TRACE_VOID) < 10, "%zu", incidents(TRACE_VOID));
	call = a_call(25);
	incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
	cr_expect(incident->count == 1 && incident->bytes_offered == 10 && incident->first_ns == call.t_ns + 1);
	cr_expect(incident->history_count == 1 && incident->history[0].t_ns == incident->first_ns);
	cr_expect(incident->first_ns == incident->last_ns && incident->error == EPIPE);
}

enum { THREADS = 4, WRITES = 20000 / FIXTURE_SLOWER };

/* Half of the writes are refused, half are to be tried again. */
static void *write_often(void *argument)
{
	struct incident_call call = a_call(1);

	for (int i = 0; i < WRITES; i++) {
		bool fresh;
		struct trace_incident *incident = incident_announce(&call, &fresh);

		if (!incident)
			return argument;
		if (i % 7 == 0)
			sched_yield();
		if (i % 2)
			incident_reject(incident, EPIPE, TRACE_SIGPIPE_NONE);
		else
			incident_withdraw(incident, &call);
	}
	return NULL;
}

Test(incident, from_several_threads, .timeout = 600)
{
	pthread_t threads[THREADS];
	struct fixture_trace trace;
	const struct trace_record *record;
	uint64_t count = 0, bytes = 0;

	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, write_often, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_expect_null(failed);
	}
	trace = fixture_open_trace(own_trace());
	while ((record = fixture_next(&trace)))
		if (record->type == TRACE_INCIDENT && record->state == TRACE_COMMITTED) {
			count += ((const struct trace_incident *)(const void *)record)->count;
			bytes += ((const struct trace_incident *)(const void *)record)->bytes_offered;
		}
	cr_expect(count == THREADS * WRITES / 2, "%llu", (unsigned long long)count);
	cr_expect(bytes == count);
	cr_expect(fixture_losses(trace_log_process()) == 0);
}

/* ---- a place that is new to several threads at once ---- */

enum { ROUNDS = 2000 / FIXTURE_SLOWER };

static pthread_barrier_t barrier;

static struct trace_incident *announced_at(const struct incident_call *call)
{
	bool fresh;

	return incident_announce(call, &fresh);
}

static void *write_in_each_round(void *argument)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct incident_call call = a_call(1);

		call.fd = 10 + round;
		pthread_barrier_wait(&barrier);
		incident_reject(announced_at(&call), EPIPE, TRACE_SIGPIPE_NONE);
	}
	return argument;
}

Test(incident, a_new_place_of_several_threads_is_one, .timeout = 300)
{
	pthread_t threads[THREADS];
	struct fixture_trace trace;
	const struct trace_record *record;
	uint64_t count = 0;

	cr_assert(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, write_in_each_round, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect(incidents(TRACE_COMMITTED) == ROUNDS, "%zu", incidents(TRACE_COMMITTED));
	trace = fixture_open_trace(own_trace());
	while ((record = fixture_next(&trace)))
		if (record->type == TRACE_INCIDENT && record->state == TRACE_COMMITTED)
			count += ((const struct trace_incident *)(const void *)record)->count;
	cr_expect(count == (uint64_t)THREADS * ROUNDS);
}
