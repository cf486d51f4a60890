/* unix_pairs.c: which named AF_UNIX sockets are each other's ends, and when nobody can know. */
#include <criterion/criterion.h>
#include <string.h>

#include "analyzer/trace/process_index.h"
#include "analyzer/trace/unix_pairs.h"

#define CLIENT 0 /* indices of processes */
#define SERVER 1
#define OTHER 2

static struct process processes[3];
static struct unix_pairs pairs;

static void set_up(void)
{
	processes[CLIENT] = (struct process){.pid = 10, .end = PROCESS_EXITED};
	processes[SERVER] = (struct process){.pid = 20, .end = PROCESS_EXITED};
	processes[OTHER] = (struct process){.pid = 30, .end = PROCESS_EXITED};
}

static void tear_down(void)
{
	unix_pairs_free(&pairs);
}

TestSuite(unix_pairs, .init = set_up, .fini = tear_down);

#define MS UINT64_C(1000000)

/* Connected by the client at `ms`, to what the server listens at. */
static struct trace_socket connected(uint64_t cookie, uint64_t ms)
{
	return (struct trace_socket){.protocol = TRACE_UNIX_STREAM,
		.origin = TRACE_CONNECT,
		.cookie = cookie,
		.opened_ns = ms * MS,
		.connected_ns = ms * MS + 1000,
		.peer_pid = 20,
		.tid = 10,
		.peer = {.path = 8}};
}

/* Accepted from the client at `ms`. */
static struct trace_socket accepted(uint64_t cookie, uint64_t ms)
{
	return (struct trace_socket){.protocol = TRACE_UNIX_STREAM,
		.origin = TRACE_ACCEPT,
		.cookie = cookie,
		.opened_ns = ms * MS,
		.connected_ns = ms * MS,
		.peer_pid = 10,
		.tid = 20,
		.local = {.path = 8}};
}

static void add_named(const struct trace_socket *socket, uint32_t process, const char *name)
{
	trace_ref ref;

	cr_assert(unix_pairs_takes(socket, &ref));
	cr_assert_eq(ref, 8);
	processes[process].sockets_seen++;
	processes[process].socket_records++;
	unix_pairs_add(&pairs, socket, (struct text){.bytes = name, .length = strlen(name)}, process, processes, 0);
}

static void add(struct trace_socket socket, uint32_t process)
{
	add_named(&socket, process, "/run/server");
}

static void match(void)
{
	struct process_index *by_pid = process_index_make(processes, 3);

	unix_pairs_match(&pairs, processes, by_pid);
	process_index_free(by_pid);
}

static void expect(uint64_t cookie, uint64_t peer)
{
	cr_expect_eq(unix_pairs_peer(&pairs, cookie), peer, "of %lu: %lu", (unsigned long)cookie,
		(unsigned long)unix_pairs_peer(&pairs, cookie));
	if (peer)
		cr_expect_eq(unix_pairs_peer(&pairs, peer), cookie);
}

Test(unix_pairs, first_connected_is_first_accepted)
{
	add(connected(1, 10), CLIENT);
	add(accepted(102, 60), SERVER);
	add(connected(2, 20), CLIENT);
	add(accepted(101, 50), SERVER);
	add(connected(3, 70), CLIENT);
	match();
	expect(1, 101);
	expect(2, 102);
	expect(3, 0); /* waits in the queue */
}

Test(unix_pairs, other_names_and_other_clients_do_not_mix)
{
	struct trace_socket elsewhere = connected(1, 10);
	struct trace_socket stranger = accepted(103, 25);

	stranger.peer_pid = 30;
	add_named(&elsewhere, CLIENT, "/run/other");
	add(connected(2, 20), CLIENT);
	add(accepted(102, 30), SERVER);
	add(stranger, SERVER);
	match();
	expect(1, 0);
	expect(2, 102);
	expect(103, 0);
}

Test(unix_pairs, what_cannot_be_a_partner_is_not_taken)
{
	struct trace_socket socket = connected(1, 10);
	trace_ref name;

	socket.peer.path = 0;
	cr_expect_not(unix_pairs_takes(&socket, &name));
	socket = connected(1, 10);
	socket.connected_ns = 0;
	cr_expect_not(unix_pairs_takes(&socket, &name));
	socket = connected(0, 10);
	cr_expect_not(unix_pairs_takes(&socket, &name));
	socket = accepted(1, 10);
	socket.origin = TRACE_INHERITED;
	cr_expect_not(unix_pairs_takes(&socket, &name));
	socket = accepted(1, 10);
	socket.peer_pid = 0;
	cr_expect_not(unix_pairs_takes(&socket, &name));
}

Test(unix_pairs, gaps_in_the_record_leave_all_open)
{
	add(connected(1, 10), CLIENT);
	add(accepted(101, 20), SERVER);
	processes[SERVER].sockets_seen++;
	match();
	expect(1, 0);
}

Test(unix_pairs, more_accepted_than_connected_leaves_all_open)
{
	add(connected(1, 10), CLIENT);
	add(accepted(101, 20), SERVER);
	add(accepted(102, 30), SERVER);
	match();
	expect(1, 0);
}

Test(unix_pairs, an_answer_from_nobody_leaves_all_open)
{
	struct trace_socket answered = connected(2, 30);

	answered.bytes_received = 5;
	add(connected(1, 10), CLIENT);
	add(answered, CLIENT);
	add(accepted(101, 20), SERVER);
	match();
	expect(1, 0);
}

Test(unix_pairs, an_end_must_have_been_made_before_it_was_seen)
{
	struct trace_socket socket = connected(1, 10);
	struct trace_socket partner = accepted(101, 20);

	socket.peer_closed_ns = 30 * MS;
	partner.closed_ns = 40 * MS;
	add(socket, CLIENT);
	add(partner, SERVER);
	match();
	expect(1, 0);
}

Test(unix_pairs, an_end_by_death_or_shutdown_fits)
{
	struct trace_socket first = connected(1, 10);
	struct trace_socket second = connected(2, 20);
	struct trace_socket partner = accepted(102, 40);

	first.peer_closed_ns = 60 * MS;
	second.peer_closed_ns = 60 * MS;
	partner.shutdown_ns = 55 * MS;
	partner.closed_ns = 80 * MS;
	processes[SERVER].end = PROCESS_KILLED;
	add(first, CLIENT);
	add(second, CLIENT);
	add(accepted(101, 30), SERVER);
	add(partner, SERVER);
	match();
	expect(1, 101);
	expect(2, 102);
}

Test(unix_pairs, two_threads_at_the_same_time_leave_theirs_open)
{
	struct trace_socket second = connected(2, 10);

	second.tid = 11;
	second.connected_ns += 5000;
	add(connected(1, 10), CLIENT);
	add(second, CLIENT);
	add(connected(3, 50), CLIENT);
	add(accepted(101, 20), SERVER);
	add(accepted(102, 30), SERVER);
	add(accepted(103, 60), SERVER);
	match();
	expect(1, 0);
	expect(2, 0);
	expect(3, 103);
}

Test(unix_pairs, two_threads_one_after_the_other_are_told_apart)
{
	struct trace_socket second = accepted(102, 31);

	second.tid = 21;
	add(connected(1, 10), CLIENT);
	add(accepted(101, 30), SERVER);
	add(connected(2, 30), CLIENT);
	add(second, SERVER);
	match();
	expect(1, 101);
	expect(2, 102);
}

Test(unix_pairs, another_listener_accepts_nothing_of_this_one)
{
	add(connected(1, 10), CLIENT);
	add(accepted(101, 20), OTHER);
	processes[SERVER].sockets_seen = 0;
	match();
	expect(1, 0);
}

Test(unix_pairs, a_child_of_the_listener_may_accept)
{
	processes[OTHER].ppid = 20;
	add(connected(1, 10), CLIENT);
	add(accepted(101, 20), OTHER);
	match();
	expect(1, 101);
}

Test(unix_pairs, another_boot_is_another_world)
{
	struct trace_socket socket = connected(1, 10);
	struct trace_socket partner = accepted(101, 20);
	const struct text name = {.bytes = "/run/server", .length = 11};

	unix_pairs_add(&pairs, &socket, name, CLIENT, processes, 0);
	unix_pairs_add(&pairs, &partner, name, SERVER, processes, INT64_C(86400000000000));
	match();
	expect(1, 0);
}
