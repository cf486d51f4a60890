/* test_lifecycle.c: what became of processes, calls and both ends of connections. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/lifecycle.h"
#include "tests/unit/trace_builder.h"

static struct builder builder;
static char *directory;
static trace_ref process;
static struct lifecycle *lifecycle;

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
	process = builder_process(&builder);
}

static void tear_down(void)
{
	if (lifecycle)
		lifecycle_free(lifecycle);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(lifecycle, .init = set_up, .fini = tear_down);

static void write_trace(struct builder *source, const char *name)
{
	char *path = builder_path(directory, name);

	builder_write(source, path);
	free(path);
}

static void read_all(const struct command_end *command)
{
	lifecycle = lifecycle_read(&directory, 1, command);
}

/* The only incident's story; the caller frees it. */
static struct story only_story(void)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(lifecycle, &count);
	struct story story;

	cr_assert_eq(count, 1);
	cr_assert(lifecycle_load(lifecycle, &incidents[0], &story));
	cr_assert_eq(incidents[0].outcome, story.record.outcome);
	cr_assert_eq(incidents[0].error, story.record.error);
	return story;
}

static const struct process *only_process(void)
{
	size_t count;
	const struct process *processes = lifecycle_processes(lifecycle, &count);

	cr_assert_eq(count, 1);
	return processes;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Makes the trace one of this very moment and of `pid`, which has not ended. */
static void make_current(pid_t pid)
{
	struct trace_header *header = builder_at(&builder, 0);
	struct trace_process *record = builder_at(&builder, process);
	char exe[4096] = "";
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	cr_assert(length > 0);
	header->created_ns = (uint64_t)now_ns(CLOCK_MONOTONIC);
	header->created_wall_ns = now_ns(CLOCK_REALTIME);
	record->pid = pid;
	record->ended = TRACE_RUNNING;
	record->started_ns = header->created_ns;
	memset(record->exe, 0, sizeof(record->exe));
	memcpy(record->exe, exe, (size_t)length < sizeof(record->exe) ? (size_t)length : sizeof(record->exe));
}

/* A write under way. Returns its socket. */
static trace_ref make_in_call(enum trace_sigpipe sigpipe)
{
	trace_ref socket = builder_socket(&builder, process, 50000);
	struct trace_incident *incident =
		builder_at(&builder, builder_incident(&builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE));

	incident->flags = TRACE_INCIDENT_IN_CALL;
	incident->outcome = TRACE_UNCONFIRMED;
	incident->error = 0;
	incident->sigpipe = sigpipe;
	return socket;
}

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
static void mirror(struct trace_socket *socket)
{
	struct trace_address address = socket->local;

	socket->local = socket->peer;
	socket->peer = address;
	socket->origin = TRACE_CONNECT;
	socket->opened_ns -= 1000;
	socket->cookie += 0x100000;
}

static bool count_joined(const struct connection *connection, void *context)
{
	size_t *joined = context;

	*joined += *connection->peer_id != '\0';
	return true;
}

Test(lifecycle, joins_the_ends_of_a_connection_across_traces)
{
	static const uint64_t frames[] = {1, 2, 3};
	struct builder client;
	trace_ref client_process;
	trace_ref client_socket;
	trace_ref stack;
	struct trace_socket *record;
	struct story story;
	size_t joined = 0;

	builder_incident(&builder, process, builder_socket(&builder, process, 50000), TRACE_WRITE_AFTER_PEER_CLOSE);
	builder_socket(&builder, process, 50001);
	write_trace(&builder, "server.trace");
	builder_init(&client);
	client_process = builder_process(&client);
	((struct trace_process *)builder_at(&client, client_process))->pid = BUILDER_PID + 1;
	stack = builder_stack(&client, frames, 3, 0);
	client_socket = builder_socket(&client, client_process, 50000);
	record = builder_at(&client, client_socket);
	mirror(record);
	record->closed_ns = BUILDER_NOW_NS + 1400000000;
	record->stack_closed = stack;
	write_trace(&client, "client.trace");
	builder_free(&client);
	read_all(NULL);
	story = only_story();
	cr_assert(story.has_peer);
	cr_assert_eq(story.peer.process->pid, BUILDER_PID + 1);
	cr_assert_eq(story.peer_ended_ns, BUILDER_NOW_NS + 1400000000);
	cr_assert_eq(story.peer_closed.count, 3);
	cr_assert_str_eq(story.socket.peer_id, story.peer.id);
	lifecycle_story_free(&story);
	lifecycle_each_socket(lifecycle, true, count_joined, &joined);
	cr_assert_eq(joined, 2);
}

Test(lifecycle, an_ipv4_peer_of_an_ipv6_socket_is_joined)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	trace_ref server = builder_socket(&builder, process, 50000);
	trace_ref client = builder_socket(&builder, process, 50000);
	struct trace_socket *record = builder_at(&builder, server);
	size_t joined = 0;

	record->local.family = record->peer.family = AF_INET6;
	memcpy(record->local.ip, mapped, sizeof(mapped));
	memcpy(record->peer.ip, mapped, sizeof(mapped));
	mirror(builder_at(&builder, client));
	write_trace(&builder, "a.trace");
	read_all(NULL);
	lifecycle_each_socket(lifecycle, true, count_joined, &joined);
	cr_assert_eq(joined, 2);
}

Test(lifecycle, connections_that_never_lived_together_are_not_joined)
{
	struct trace_socket *record;
	size_t joined = 0;
	trace_ref client;

	builder_socket(&builder, process, 50000);
	client = builder_socket(&builder, process, 50000);
	record = builder_at(&builder, client);
	mirror(record);
	record->opened_ns += 5000000000;
	record->closed_ns += 5000000000;
	write_trace(&builder, "a.trace");
	read_all(NULL);
	lifecycle_each_socket(lifecycle, true, count_joined, &joined);
	cr_assert_eq(joined, 0);
}

Test(lifecycle, the_ends_of_a_socketpair_are_joined_by_cookie)
{
	size_t joined = 0;

	for (unsigned end = 0; end < 2; end++) {
		struct trace_socket *record = builder_at(&builder, builder_socket(&builder, process, 0));

		record->protocol = TRACE_UNIX_STREAM;
		record->origin = TRACE_SOCKETPAIR;
		record->cookie = 77 + end;
		record->peer_cookie = 78 - end;
	}
	write_trace(&builder, "a.trace");
	read_all(NULL);
	lifecycle_each_socket(lifecycle, true, count_joined, &joined);
	cr_assert_eq(joined, 2);
}

Test(lifecycle, named_unix_sockets_are_joined_and_their_process_is_named)
{
	trace_ref path = builder_text(&builder, TRACE_TEXT_PATH, "/run/server", 11);
	static const uint64_t frames[] = {1, 2, 3};
	trace_ref stack = builder_stack(&builder, frames, 3, 0);
	trace_ref client = builder_socket(&builder, process, 0);
	struct trace_socket *record = builder_at(&builder, client);
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->sockets_seen = 2;
	record->protocol = TRACE_UNIX_STREAM;
	record->origin = TRACE_CONNECT;
	record->peer_pid = BUILDER_PID;
	record->local = (struct trace_address){.family = AF_UNIX};
	record->peer = (struct trace_address){.family = AF_UNIX, .path = path};
	record = builder_at(&builder, builder_socket(&builder, process, 0));
	record->protocol = TRACE_UNIX_STREAM;
	record->peer_pid = BUILDER_PID;
	record->opened_ns += 1000;
	record->closed_ns = BUILDER_NOW_NS + 1400000000;
	record->stack_closed = stack;
	record->local = (struct trace_address){.family = AF_UNIX, .path = path};
	record->peer = (struct trace_address){.family = AF_UNIX};
	builder_incident(&builder, process, client, TRACE_WRITE_AFTER_PEER_CLOSE);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert(story.has_peer);
	cr_assert_eq(story.peer_ended_ns, BUILDER_NOW_NS + 1400000000);
	cr_assert_eq(story.peer_closed.count, 3);
	lifecycle_story_free(&story);
}

Test(lifecycle, an_unmatched_unix_peer_is_named_by_its_pid)
{
	trace_ref client = builder_socket(&builder, process, 0);
	struct trace_socket *record = builder_at(&builder, client);
	struct story story;

	record->protocol = TRACE_UNIX_STREAM;
	record->origin = TRACE_CONNECT;
	record->peer_pid = BUILDER_PID;
	builder_incident(&builder, process, client, TRACE_WRITE_AFTER_PEER_CLOSE);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert_not(story.has_peer);
	cr_assert_eq(story.peer_process, story.process);
	lifecycle_story_free(&story);
}

Test(lifecycle, of_several_holders_the_last_to_let_go_is_shown)
{
	struct story story;

	builder_incident(&builder, process, builder_socket(&builder, process, 50000), TRACE_WRITE_AFTER_PEER_CLOSE);
	for (unsigned holder = 0; holder < 3; holder++) {
		struct trace_socket *record = builder_at(&builder, builder_socket(&builder, process, 50000));

		mirror(record);
		record->cookie = 99;
		record->origin = holder ? TRACE_INHERITED : TRACE_CONNECT;
		record->opened_ns += holder * 1000000;
		record->closed_ns = BUILDER_NOW_NS + 1400000000 + (holder == 1) * 500;
	}
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert_eq(story.peer_ended_ns, BUILDER_NOW_NS + 1400000500);
	lifecycle_story_free(&story);
}

Test(lifecycle, an_image_that_was_executed_has_ids_of_its_own)
{
	struct story story;

	((struct trace_process *)builder_at(&builder, process))->ended = TRACE_EXEC;
	write_trace(&builder, "1.trace");
	((struct trace_header *)builder_at(&builder, 0))->created_ns++;
	builder_incident(&builder, process, builder_socket(&builder, process, 1), TRACE_WRITE_AFTER_RESET);
	write_trace(&builder, "2.trace");
	read_all(NULL);
	story = only_story();
	cr_assert_str_eq(story.id, "i4000000-2.1");
	cr_assert_str_eq(story.socket.id, "s4000000-2.1");
	lifecycle_story_free(&story);
}

Test(lifecycle, follows_no_links_in_directories_and_takes_no_file_twice)
{
	char *file = builder_path(directory, "a.trace");
	char *link = builder_path(directory, "b.trace");
	char *paths[] = {directory, file, directory};

	write_trace(&builder, "a.trace");
	cr_assert_eq(symlink(file, link), 0);
	lifecycle = lifecycle_read(paths, 3, NULL);
	cr_assert_eq(lifecycle_trace_count(lifecycle), 1);
	free(file);
	free(link);
}

Test(lifecycle, incidents_without_a_process_are_still_told)
{
	struct story story;

	cr_redirect_stderr();
	((struct trace_record *)builder_at(&builder, process))->state = TRACE_VOID;
	builder_incident(&builder, process, 12345, TRACE_WRITE_AFTER_CLOSE);
	write_trace(&builder, "a.trace");
	read_all(NULL);
	story = only_story();
	cr_assert_not(story.has_socket);
	cr_assert_eq(story.process->pid, 0);
	lifecycle_story_free(&story);
}
