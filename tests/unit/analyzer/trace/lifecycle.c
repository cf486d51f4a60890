/* lifecycle.c: processes, and what unfinished calls came to. */
#include "tests/unit/analyzer/trace/lifecycle_fixture.h"

TestSuite(lifecycle, .init = set_up, .fini = tear_down);

Test(lifecycle, reads_a_process)
{
	write_trace(&builder, "a.trace");
	read_all(NULL);
	cr_assert_eq(only_process()->pid, BUILDER_PID);
	cr_assert_eq(only_process()->end, PROCESS_EXITED);
	cr_assert_eq(only_process()->argv.length, sizeof("server\0--port\0006379"));
}

Test(lifecycle, a_dead_process_that_left_no_word_was_killed)
{
	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_RUNNING;
	write_trace(&builder, "a.trace");
	read_all(NULL);
	cr_assert_eq(only_process()->end, PROCESS_KILLED);
}

Test(lifecycle, a_living_process_runs)
{
	make_current(getpid());
	write_trace(&builder, "a.trace");
	read_all(NULL);
	cr_assert_eq(only_process()->end, PROCESS_RUNNING);
}

Test(lifecycle, a_process_that_started_after_the_trace_is_another)
{
	struct trace_header *header;

	make_current(getpid());
	header = builder_at(&builder, 0);
	header->created_ns -= UINT64_C(3600000000000);
	header->created_wall_ns -= INT64_C(3600000000000);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	cr_assert_eq(only_process()->end, PROCESS_KILLED);
}

Test(lifecycle, a_call_in_a_living_process_is_in_progress)
{
	struct story story;

	make_current(getpid());
	make_in_call(TRACE_SIGPIPE_FATAL);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert(story.in_progress);
	cr_assert_eq(story.record.outcome, TRACE_UNCONFIRMED);
	cr_assert_eq(story.record.sigpipe, TRACE_SIGPIPE_NONE);
	lifecycle_story_free(&story);
}

Test(lifecycle, a_process_killed_in_a_fatal_write_died_of_it)
{
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_RUNNING;
	make_in_call(TRACE_SIGPIPE_FATAL);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert_eq(story.record.outcome, TRACE_REJECTED);
	cr_assert_eq(story.record.error, EPIPE);
	cr_assert_eq(story.record.sigpipe, TRACE_SIGPIPE_FATAL);
	lifecycle_story_free(&story);
}

Test(lifecycle, a_process_killed_by_another_signal_did_not)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGKILL};
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_RUNNING;
	make_in_call(TRACE_SIGPIPE_FATAL);
	write_trace(&builder, "a.trace");
	read_all(&end);
	cr_assert_eq(only_process()->signal, SIGKILL);
	story = only_story();
	cr_assert_eq(story.record.outcome, TRACE_UNCONFIRMED);
	cr_assert_eq(story.record.sigpipe, TRACE_SIGPIPE_NONE);
	lifecycle_story_free(&story);
}

static void make_open_write(uint16_t port, enum trace_protocol protocol)
{
	struct trace_socket *socket = builder_at(&builder, builder_socket(&builder, process, port));

	socket->protocol = protocol;
	socket->in_call_ns = socket->opened_ns + 500;
	strcpy(socket->in_call, "send");
}

Test(lifecycle, death_by_sigpipe_in_an_unsuspected_write_is_inferred)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGPIPE};
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_RUNNING;
	builder_socket(&builder, process, 50000);
	make_open_write(50001, TRACE_TCP);
	write_trace(&builder, "a.trace");
	read_all(&end);
	story = only_story();
	cr_assert(story.inferred);
	cr_assert_eq(story.record.kind, TRACE_WRITE_AFTER_RESET);
	cr_assert_eq(story.record.knowledge, TRACE_KERNEL);
	cr_assert_eq(story.record.sigpipe, TRACE_SIGPIPE_FATAL);
	cr_assert_eq(story.socket.peer.port, 50001);
	cr_assert_str_eq(story.record.call, "send");
	lifecycle_story_free(&story);
}

Test(lifecycle, an_inferred_write_on_a_unix_socket_came_after_its_peers_close)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGPIPE};
	struct story story;

	make_open_write(50001, TRACE_UNIX_STREAM);
	write_trace(&builder, "a.trace");
	read_all(&end);
	story = only_story();
	cr_assert_eq(story.record.kind, TRACE_WRITE_AFTER_PEER_CLOSE);
	lifecycle_story_free(&story);
}

Test(lifecycle, death_by_sigpipe_in_a_suspected_write_is_placed_there)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGPIPE};
	struct trace_socket *socket;
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_RUNNING;
	socket = builder_at(&builder, make_in_call(TRACE_SIGPIPE_NONE));
	socket->in_call_ns = socket->opened_ns + 500;
	write_trace(&builder, "a.trace");
	read_all(&end);
	story = only_story();
	cr_assert_not(story.inferred);
	cr_assert_eq(story.record.outcome, TRACE_REJECTED);
	cr_assert_eq(story.record.sigpipe, TRACE_SIGPIPE_FATAL);
	cr_assert_eq(story.record.error, EPIPE);
	lifecycle_story_free(&story);
}

Test(lifecycle, of_two_open_writes_none_is_blamed)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGPIPE};
	size_t count;

	make_open_write(50001, TRACE_TCP);
	make_open_write(50002, TRACE_TCP);
	write_trace(&builder, "a.trace");
	read_all(&end);
	lifecycle_incidents(lifecycle, &count);
	cr_assert_eq(count, 0);
	cr_assert(only_process()->died_in_unplaced_write);
}

Test(lifecycle, nothing_is_inferred_for_other_deaths)
{
	struct command_end end = {.pid = BUILDER_PID, .wait_status = SIGTERM};
	size_t count;

	make_open_write(50001, TRACE_TCP);
	write_trace(&builder, "a.trace");
	read_all(&end);
	lifecycle_incidents(lifecycle, &count);
	cr_assert_eq(count, 0);
}

/* Turns a socket round: as the client that connected to it sees the connection. */
