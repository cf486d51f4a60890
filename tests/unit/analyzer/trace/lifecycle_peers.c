/* lifecycle_peers.c: both ends of a connection; several traces of one process. */
#include "tests/unit/analyzer/trace/lifecycle_fixture.h"

TestSuite(lifecycle, .init = set_up, .fini = tear_down);

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
