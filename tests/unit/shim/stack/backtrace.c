/*
 * backtrace.c: stacks, captured and stored once, with the objects that they lie in.
 *
 * The tests are linked with the shim, so frames of their own count as the shim's where they are the innermost ones, and
 * are cut off. A place is therefore a caller of libc here: lfind calls back into what captures.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "shim/base/thread.h"
#include "shim/stack/backtrace.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/stack/unwinder.h"
#include "tests/unit/shim/fixture.h"

static void set_up(void)
{
	fixture_begin(4 << 20);
}

TestSuite(backtrace, .init = set_up, .fini = fixture_end);

/* Opens the trace and loads the unwinder, as the first socket does. */
static void begin(void)
{
	cr_assert(trace_log_open());
	backtrace_load();
	if (trace_log_process()->coverage & TRACE_NO_UNWINDER)
		cr_skip_test("libunwind is not installed");
}

static trace_ref captured;

static int capture_in_callback(const void *a, const void *b)
{
	(void)a;
	(void)b;
	captured = backtrace_capture();
	return 0;
}

/* Captures below `depth` frames more. */
__attribute__((noinline)) static trace_ref capture_at(int depth)
{
	trace_ref ref;
	size_t count = 1;

	if (depth > 0) {
		ref = capture_at(depth - 1);
	} else {
		lfind("a", "a", &count, 1, capture_in_callback);
		ref = captured;
	}
	__asm__ volatile("" : "+r"(ref)); /* so that the call above is no jump */
	return ref;
}

static const struct trace_stack *stack_at(trace_ref ref)
{
	const struct trace_stack *stack = trace_log_at(ref);

	cr_assert_not_null(stack);
	cr_assert(stack->record.type == TRACE_STACK && stack->record.state == TRACE_COMMITTED);
	cr_assert(stack->frame_count > 0 && stack->frame_count <= config.stack_depth);
	cr_assert(stack->record.size == sizeof(*stack) + stack->frame_count * sizeof(*stack->frames));
	return stack;
}

Test(backtrace, nothing_without_a_trace)
{
	cr_expect(backtrace_capture() == 0);
	backtrace_load();
	cr_expect(capture_at(0) == 0);
}

Test(backtrace, nothing_without_the_unwinder)
{
	cr_assert(trace_log_open());
	cr_expect(backtrace_capture() == 0);
	cr_expect(fixture_count(fixture_trace_path(getpid(), 0), TRACE_STACK, TRACE_COMMITTED) == 0);
}

Test(backtrace, a_stack_is_stored_once)
{
	trace_ref first = 0, second = 0;

	errno = 77;
	begin();
	for (int i = 0; i < 100; i++) {
		trace_ref one = capture_at(3), other = capture_at(4);

		cr_assert(one && other && one != other);
		cr_assert(i == 0 || (one == first && other == second));
		first = one;
		second = other;
	}
	cr_expect(errno == 77);
	cr_expect(fixture_count(fixture_trace_path(getpid(), 0), TRACE_STACK, TRACE_COMMITTED) == 2);
	cr_expect(stack_at(second)->frame_count == stack_at(first)->frame_count + 1);
	cr_expect(stack_at(first)->text == 0);
}

Test(backtrace, own_frames_are_cut_off)
{
	const struct trace_stack *stack;

	begin();
	stack = stack_at(capture_at(0));
	cr_expect(stack->frames[0] - (uintptr_t)&lfind < 4096, "the innermost frame is libc's");
	cr_expect(stack->frames[1] - (uintptr_t)capture_at < 4096, "then comes its caller");
}

Test(backtrace, the_depth_is_kept)
{
	begin();
	config.stack_depth = 10;
	cr_expect(stack_at(capture_at(50))->frame_count == 10);
	config.stack_depth = 1;
	cr_expect(stack_at(capture_at(50))->frame_count == 1);
	config.stack_depth = 120;
	cr_expect(stack_at(capture_at(60))->frame_count > 60);
	cr_expect(stack_at(capture_at(500))->frame_count > 100);
}

Test(backtrace, every_frame_lies_in_an_object_that_is_named)
{
	struct fixture_trace trace;
	const struct trace_record *record;
	const struct trace_stack *stack;
	int executables = 0;

	begin();
	stack = stack_at(capture_at(5));
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		bool named = false;

		trace = fixture_open_trace(fixture_trace_path(getpid(), 0));
		while ((record = fixture_next(&trace))) {
			const struct trace_module *module = (const void *)record;

			named |= record->type == TRACE_MODULE && stack->frames[i] >= module->start &&
				 stack->frames[i] < module->end;
		}
		free((void *)(uintptr_t)trace.bytes);
		cr_expect(named, "frame %u", i);
	}
	trace = fixture_open_trace(fixture_trace_path(getpid(), 0));
	while ((record = fixture_next(&trace))) {
		const struct trace_module *module = (const void *)record;

		if (record->type != TRACE_MODULE)
			continue;
		cr_expect(module->start < module->end && module->bias <= module->start && module->t_ns);
		cr_expect(record->size >= sizeof(*module) + module->path_length);
		executables += module->path_length == strlen(process_names.exe) &&
			       !memcmp(module->path, process_names.exe, module->path_length);
	}
	cr_expect(executables == 1);
}

/* What a runtime hands over is its own stack, which stands for the thread's. */
Test(backtrace, a_text_instead_of_a_stack)
{
	const struct trace_stack *stack;
	const struct trace_text *text;
	trace_ref one, other;

	begin();
	one = backtrace_capture_text("File 1\n", 7);
	other = backtrace_capture_text("File 2\n", 7);
	cr_expect(one && other && one != other && one != backtrace_capture());
	cr_expect(backtrace_capture_text("File 1\n", 7) == one);
	cr_expect(backtrace_capture_text("", 0) == 0);
	stack = trace_log_at(other);
	text = trace_log_at(stack->text);
	cr_assert_not_null(text);
	cr_expect(text->kind == TRACE_TEXT_PYTHON_STACK && text->length == 7 && !memcmp(text->text, "File 2\n", 7));
}

Test(backtrace, more_places_than_the_table_has_room_for)
{
	begin();
	config.stack_depth = 120;
	for (int i = 0; i < 100; i++)
		cr_assert(stack_at(capture_at(i)));
	cr_expect(fixture_losses(trace_log_process()) == 0);
}

Test(backtrace, not_from_inside_the_unwinder)
{
	uintptr_t before;

	begin();
	before = thread_enter();
	cr_expect(capture_at(0) == 0, "a signal handler that interrupts it");
	thread_leave(before);
	cr_expect(capture_at(0) != 0);
	cr_expect_not(thread_is_inside() || thread_state.unwinding);
}

Test(backtrace, a_full_log)
{
	config.max_trace = 64 << 10;
	begin();
	while (trace_log_text(TRACE_TEXT_NOTE, "", 0))
		;
	cr_expect(capture_at(0) == 0);
	cr_expect(trace_log_process()->lost[TRACE_LOST_LOG_FULL] > 1);
}

/* ---- threads and forks ---- */

enum { THREADS = 4 };

static void *capture_often(void *argument)
{
	backtrace_warm();
	for (int i = 0; i < 2000; i++)
		if (!capture_at(1 + i % 8))
			return argument;
	return NULL;
}

Test(backtrace, from_several_threads, .timeout = 600)
{
	pthread_t threads[THREADS];
	size_t stacks;

	begin();
	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, capture_often, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_expect_null(failed);
	}
	stacks = fixture_count(fixture_trace_path(getpid(), 0), TRACE_STACK, TRACE_COMMITTED);
	cr_expect(stacks >= 8 && stacks <= 8 * THREADS, "%zu: the same stack more than once for each thread", stacks);
}

static pid_t in_child(int (*act)(void))
{
	pid_t child;
	int status;

	unwinder_fork_prepare();
	child = fork();
	if (child == 0) {
		process_wipe();
		_exit(process_set_up() ? act() : 1);
	}
	unwinder_fork_done();
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	return child;
}

static int capture_in_child(void)
{
	if (!trace_log_open())
		return 1;
	if (!capture_at(2))
		return 2 | (int)trace_log_process()->coverage << 4;
	return trace_log_process()->coverage ? 3 : 0;
}

Test(backtrace, a_child_stores_its_own)
{
	const char *path;

	begin();
	capture_at(2);
	path = fixture_trace_path(in_child(capture_in_child), 0);
	cr_expect(fixture_count(path, TRACE_STACK, TRACE_COMMITTED) == 1);
	cr_expect(fixture_count(path, TRACE_MODULE, TRACE_COMMITTED) > 1, "and names the objects again");
	cr_expect(capture_at(2) != 0, "the parent goes on");
}

static bool stop;

static void *capture_until_stopped(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		capture_at(20);
	return NULL;
}

/* Forks while another thread unwinds all the time. Returns how many of the children had to do without stacks. */
static int fork_often(int times, bool prepared)
{
	int given_up = 0;
	pthread_t thread;

	cr_assert(pthread_create(&thread, NULL, capture_until_stopped, NULL) == 0);
	for (int i = 0; i < times; i++) {
		pid_t child;
		int status;

		if (prepared)
			unwinder_fork_prepare();
		child = fork();
		if (child == 0) {
			process_wipe();
			_exit(process_set_up() ? capture_in_child() : 9);
		}
		if (prepared)
			unwinder_fork_done();
		cr_assert(waitpid(child, &status, 0) == child);
		/* either as ever, or without stacks, which its trace says: but it never hangs */
		cr_assert(WIFEXITED(status));
		cr_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == (2 | TRACE_UNWINDER_BUSY << 4));
		given_up += WEXITSTATUS(status) != 0;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return given_up;
}

Test(backtrace, forks_wait_for_the_unwinder, .timeout = 600)
{
	begin();
	cr_expect(fork_often(50, true) < 50);
}

/* Not by the handlers: the child of a raw fork finds the unwinder's locks as they happened to be. */
Test(backtrace, a_child_gives_up_where_another_thread_was_inside, .timeout = 600)
{
	begin();
	fork_often(100, false);
}

/* ---- what the unwinder asks ---- */

Test(backtrace, its_pipe_is_refused)
{
	int fds[2] = {5, 6};

	cr_expect(backtrace_answer_pipe(fds) == -1);
	cr_expect(errno == ENFILE && fds[0] == -1 && fds[1] == -1);
	cr_expect(backtrace_answer_read() == -1 && errno == EAGAIN);
}

Test(backtrace, addresses_are_tested_without_a_descriptor)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uintptr_t bad[] = {0, 8, page - 1, (uintptr_t)pages + page, (uintptr_t)pages + page + 5,
		(uintptr_t)pages + 2 * page - 1, (uintptr_t)-1, (uintptr_t)1 << 63};

	cr_assert(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
	for (size_t i = 0; i < page; i += i < page - 16 ? 61 : 1) {
		errno = EINTR;
		cr_expect(backtrace_answer_write(pages + i) == 1, "byte %zu", i);
		cr_expect(errno == 0);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		errno = 0;
		cr_expect(backtrace_answer_write((const void *)bad[i]) == -1, "%zu", i);
		cr_expect(errno == EFAULT);
	}
}
