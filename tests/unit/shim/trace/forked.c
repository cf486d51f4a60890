/* forked.c: a forked child has a log of its own, or shares its parent's. */
#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/unit/shim/fixture.h"

enum { TRACE_BYTES = 8 << 20 };

static void set_up(void)
{
	fixture_begin(TRACE_BYTES);
}

TestSuite(trace_forked, .init = set_up, .fini = fixture_end);

/* Runs `act` in a child, which must succeed. */
static pid_t in_child(void (*act)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		process_wipe(); /* what the fork handler does */
		if (process_set_up())
			act();
		_exit(1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	return child;
}

static void record_in_child(void)
{
	bool done = !trace_log_is_open() && trace_log_process()->sockets_seen == 0 && trace_log_open() &&
		    trace_log_text(TRACE_TEXT_NOTE, "child", 5);

	_exit(!done);
}

Test(trace_forked, a_child_has_a_file_of_its_own)
{
	pid_t child;

	cr_assert(trace_log_open());
	trace_log_text(TRACE_TEXT_NOTE, "parent", 6);
	trace_log_process()->sockets_seen = 5;
	child = in_child(record_in_child);
	cr_expect(fixture_process_of(fixture_trace_path(child, 0))->pid == child);
	cr_expect(fixture_process_of(fixture_trace_path(child, 0))->ppid == getpid());
	cr_expect(fixture_process_of(fixture_trace_path(child, 0))->coverage == 0);
	cr_expect(fixture_count(fixture_trace_path(child, 0), TRACE_TEXT, TRACE_COMMITTED) == 1);
	cr_expect(fixture_count(fixture_own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 1);
	cr_expect(fixture_process_of(fixture_own_trace())->sockets_seen == 5);
	trace_log_text(TRACE_TEXT_NOTE, "parent", 6);
	cr_expect(fixture_count(fixture_own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 2);
}

static void do_nothing(void)
{
	_exit(0);
}

Test(trace_forked, a_child_without_a_socket_makes_no_file)
{
	cr_assert(trace_log_open());
	cr_expect(access(fixture_trace_path(in_child(do_nothing), 0), F_OK) < 0);
}

static void record_beside_parent(void)
{
	fixture_set_log_path("/nonexistent/"); /* as after a chroot */
	if (!trace_log_open())
		_exit(1);
	for (int i = 0; i < 2000; i++)
		if (!trace_log_text(TRACE_TEXT_NOTE, "child", 5))
			_exit(2);
	_exit(0);
}

/* Not so much that there is no room for the child. */
static void *append_meanwhile(void *stop)
{
	intptr_t count = 0;

	while (count < 1000 || (count < 100000 && !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)))
		count += trace_log_text(TRACE_TEXT_NOTE, "the parent", 10) != 0;
	return (void *)count;
}

Test(trace_forked, a_child_without_a_file_shares_its_parents)
{
	struct fixture_trace trace;
	const struct trace_process *process;
	const struct trace_record *record;
	pthread_t thread;
	bool stop = false;
	void *count;
	pid_t child;

	fixture_catch_stderr();
	cr_assert(trace_log_open());
	cr_assert(pthread_create(&thread, NULL, append_meanwhile, &stop) == 0);
	child = in_child(record_beside_parent);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &count);
	cr_expect(fixture_count(fixture_own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 2000 + (size_t)(intptr_t)count);
	cr_expect(fixture_count(fixture_own_trace(), TRACE_PROCESS, TRACE_COMMITTED) == 2);
	trace = fixture_open_trace(fixture_own_trace());
	fixture_next(&trace);
	while ((record = fixture_next(&trace)) && record->type != TRACE_PROCESS)
		;
	process = (const void *)record;
	cr_assert_not_null(process);
	cr_expect(process->pid == child && process->coverage == TRACE_SHARED_FILE);
	cr_expect_str_empty(fixture_said(), "it is recorded: %s", fixture_said());
}

static void record_and_fork(void)
{
	if (!trace_log_open() || !trace_log_text(TRACE_TEXT_NOTE, "child", 5))
		_exit(1);
	in_child(record_in_child);
	_exit(trace_log_text(TRACE_TEXT_NOTE, "child", 5) == 0);
}

Test(trace_forked, children_of_children)
{
	DIR *directory;
	const struct dirent *entry;
	int files = 0;

	cr_assert(trace_log_open());
	in_child(record_and_fork);
	in_child(record_in_child);
	directory = opendir(fixture_directory);
	while ((entry = readdir(directory)))
		files += strstr(entry->d_name, ".trace") != NULL;
	cr_expect(files == 4, "%d", files);
}

static void fail_to_record(void)
{
	fixture_set_log_path("/nonexistent/");
	for (int i = 0; i < 3; i++)
		if (trace_log_open())
			_exit(1);
	_exit(trace_log_claim(TRACE_TEXT, 8) != NULL || trace_log_process()->lost[TRACE_LOST_NO_TRACE] != 1);
}

Test(trace_forked, a_child_that_can_record_nowhere)
{
	fixture_catch_stderr();
	in_child(fail_to_record);
	cr_expect(fixture_count_lines(fixture_said()) == 1);
	config.max_trace = 64 << 10;
	cr_assert(trace_log_open());
	fixture_fill(64);
	fixture_fill(sizeof(struct trace_text));
	in_child(fail_to_record);
	cr_expect(fixture_count_lines(fixture_said()) == 2, "the parent's is full: %s", fixture_said());
}
