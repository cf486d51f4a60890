/* shim_incident.c: incidents announced, completed, taken back, merged and settled; the kernel's account is made up. */
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>

#include "shim/backtrace.h"
#include "shim/incident.h"
#include "shim/thread.h"
#include "tests/unit/shim_fixture.h"

static struct socket *connection;

static void set_up(void)
{
	fixture_begin(16 << 20);
	connection = socket_new();
	connection->protocol = TRACE_TCP;
	connection->state = SOCKET_CONNECTED;
	connection->fd = 7;
	record_make(connection, 7, TRACE_CONNECT);
	connection->record->bytes_sent = 1 << 20; /* so much can be lost */
	cr_assert(record_is_current(connection) && socket_table_open(7, connection));
}

TestSuite(shim_incident, .init = set_up, .fini = fixture_end);

static const char *own_trace(void)
{
	return fixture_trace_path(getpid(), 0);
}

static size_t incidents(enum trace_state state)
{
	return fixture_count(own_trace(), TRACE_INCIDENT, state);
}

static struct incident_call a_call(size_t length)
{
	static uint64_t now_ns = 1000;

	return (struct incident_call){
		.socket = connection,
		.record = connection->record,
		.call = "send",
		.fd = 7,
		.length = length,
		.t_ns = now_ns++,
		.verdict = {.kind = TRACE_WRITE_AFTER_PEER_CLOSE, .knowledge = TRACE_KERNEL},
	};
}

/* What the kernel says: bytes acknowledged so far, bytes that are not, and whether the connection is over. */
static struct probe_tcp account(uint64_t acked, uint32_t unacked, uint8_t state)
{
	return (struct probe_tcp){.state = state, .acked_bytes = acked, .unacked_bytes = unacked};
}

/* A write of `length` bytes after which the kernel says this. */
static struct trace_incident *write_accepted(size_t length, struct probe_tcp tcp)
{
	struct incident_call call = a_call(length);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, length, &tcp);
	return incident;
}

static struct trace_incident *write_rejected(int error, enum trace_sigpipe sigpipe)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_reject(incident, &call, error, sigpipe);
	return incident;
}

static void settle(struct probe_tcp tcp)
{
	incident_settle(connection, &tcp);
}

static void expect_bytes(const struct trace_incident *incident, uint64_t accepted, uint64_t pending, uint64_t lost)
{
	cr_expect(incident->bytes_accepted == accepted, "%llu accepted", (unsigned long long)incident->bytes_accepted);
	cr_expect(incident->pending_bytes == pending, "%llu pending", (unsigned long long)incident->pending_bytes);
	cr_expect(incident->bytes_lost == lost, "%llu lost", (unsigned long long)incident->bytes_lost);
}

static void expect_outcome(const struct trace_incident *incident, enum trace_outcome outcome)
{
	cr_expect(incident->outcome == outcome, "outcome %d, not %d", incident->outcome, outcome);
	cr_expect_not(incident->flags & TRACE_INCIDENT_IN_CALL);
}

/* ---- announced ---- */

Test(shim_incident, an_announcement_is_in_the_file_before_the_call)
{
	struct incident_call call = a_call(12);
	struct trace_incident *incident;
	bool fresh = false;

	connection->record->peer_closed_ns = 500;
	connection->record->told_ns = 600;
	strcpy(connection->record->told_call, "epoll_wait");
	call.before = (struct trace_probe){.revents = 0x2004, .tcp_state = TCP_CLOSE_WAIT, .unsent_bytes = 3};
	call.verdict.flags = TRACE_INCIDENT_FAREWELL;
	call.may_kill = true;
	incident = incident_announce(&call, &fresh);
	cr_assert_not_null(incident);
	cr_expect(fresh);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
	cr_expect(incident->flags == (TRACE_INCIDENT_IN_CALL | TRACE_INCIDENT_FAREWELL));
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	cr_expect(incident->kind == TRACE_WRITE_AFTER_PEER_CLOSE && incident->knowledge == TRACE_KERNEL);
	cr_expect(incident->outcome == TRACE_UNCONFIRMED && incident->count == 1 && incident->bytes_offered == 12);
	cr_expect(incident->process == trace_log_ref(trace_log_process()));
	cr_expect(incident->socket == trace_log_ref(connection->record) && incident->id == trace_log_ref(incident));
	cr_expect(incident->fd == 7 && incident->tid == getpid());
	cr_expect_str_eq(incident->call, "send");
	cr_expect(incident->first_ns == call.t_ns && incident->last_ns == call.t_ns);
	cr_expect(incident->disconnect_ns == 500 && incident->told_ns == 600);
	cr_expect_str_eq(incident->told_call, "epoll_wait");
	cr_expect(incident->before.revents == 0x2004 && incident->before.unsent_bytes == 3);
	cr_expect(connection->record->flags & TRACE_SOCKET_HAS_INCIDENT, "its socket's record is not used again");
}

Test(shim_incident, the_end_is_told_of_as_its_kind_knows_it)
{
	static const struct {
		uint64_t disconnect_ns;
		trace_ref stack;
		uint8_t kind;
	} ends[] = {{1, 0, TRACE_WRITE_AFTER_PEER_CLOSE}, {2, 0, TRACE_WRITE_AFTER_RESET},
		{3, 30, TRACE_WRITE_AFTER_SHUTDOWN}, {4, 40, TRACE_WRITE_AFTER_CLOSE},
		{4, 40, TRACE_WRITE_TO_REUSED_FD}, {4, 40, TRACE_DOUBLE_CLOSE}, {0, 0, TRACE_WRITE_BEFORE_CONNECT}};
	struct trace_socket *record = connection->record;

	record->peer_closed_ns = 1;
	record->reset_ns = 2;
	record->shutdown_ns = 3;
	record->closed_ns = 4;
	record->stack_shutdown = 30;
	record->stack_closed = 40;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct incident_call call = a_call(1);
		struct trace_incident *incident;
		bool fresh;

		call.verdict.kind = ends[i].kind;
		incident = incident_announce(&call, &fresh);
		cr_expect(fresh && incident->disconnect_ns == ends[i].disconnect_ns, "kind %d", ends[i].kind);
		cr_expect(incident->stack_closed == ends[i].stack, "kind %d", ends[i].kind);
	}
}

Test(shim_incident, without_a_socket)
{
	struct incident_call call = a_call(5);
	struct trace_incident *incident, *again;
	bool fresh;

	call.socket = NULL;
	call.record = NULL;
	call.verdict.kind = TRACE_WRITE_AFTER_CLOSE;
	incident = incident_announce(&call, &fresh);
	incident_reject(incident, &call, EBADF, TRACE_SIGPIPE_NONE);
	cr_expect(fresh && incident->socket == 0 && incident->disconnect_ns == 0 && incident->history_count == 1);
	again = incident_announce(&call, &fresh);
	cr_expect(again == incident && !fresh);
}

Test(shim_incident, without_a_trace_it_is_a_loss)
{
	struct incident_call call = a_call(5);
	struct probe_tcp tcp = account(1, 0, TCP_CLOSE_WAIT);
	struct trace_incident *incident;
	bool fresh;

	while (trace_log_text(TRACE_TEXT_NOTE, "fills the log", 13))
		;
	cr_assert(trace_log_fill() >= 255);
	uint64_t lost = trace_log_process()->lost[TRACE_LOST_LOG_FULL];

	incident = incident_announce(&call, &fresh);
	cr_expect_null(incident);
	cr_expect(trace_log_process()->lost[TRACE_LOST_LOG_FULL] > lost);
	incident_accept(incident, &call, 5, &tcp);
	incident_reject(incident, &call, EPIPE, TRACE_SIGPIPE_NONE);
	incident_withdraw(incident, &call);
}

Test(shim_incident, the_label_of_the_thread)
{
	struct incident_call call = a_call(1);
	trace_ref label = trace_log_text(TRACE_TEXT_LABEL, "test_x", 6);
	bool fresh;

	thread_state.label = label;
	thread_state.label_generation = process_generation();
	cr_expect(incident_announce(&call, &fresh)->label == label);
	thread_state.label_generation++;
	call.fd++;
	cr_expect(incident_announce(&call, &fresh)->label == 0, "a label of another process");
}

/* ---- the flight recorder ---- */

Test(shim_incident, the_last_operations_come_with_it)
{
	struct trace_incident *incident;

	for (uint32_t i = 0; i < 40; i++)
		socket_remember(
			connection, i % 2 ? "recv" : "write", 100 + i, 1000 + i, i % 2 ? -EAGAIN : (long)i, !(i % 2));
	incident = write_rejected(EPIPE, TRACE_SIGPIPE_RAISED);
	cr_assert(incident->history_count == TRACE_HISTORY);
	for (uint32_t i = 0; i < TRACE_HISTORY - 1; i++) {
		uint32_t number = 40 - (TRACE_HISTORY - 1) + i;
		const struct trace_operation *operation = &incident->history[i];

		cr_expect(operation->t_ns == 100 + number && operation->length == 1000 + number, "%u: oldest first", i);
		cr_expect(operation->result == (number % 2 ? -EAGAIN : (int32_t)number));
		cr_expect_str_eq(operation->call, number % 2 ? "recv" : "write");
	}
	cr_expect(incident->history[TRACE_HISTORY - 1].t_ns == incident->first_ns, "this write is the last");
	cr_expect(incident->history[TRACE_HISTORY - 1].length == 10);
	cr_expect(incident->history[TRACE_HISTORY - 1].result == -EPIPE);
	cr_expect_str_eq(incident->history[TRACE_HISTORY - 1].call, "send");
}

Test(shim_incident, a_handler_made_it_in_the_midst_of_an_earlier_call)
{
	struct incident_call calls[2] = {a_call(10), a_call(10)};
	struct trace_incident *incident = NULL;
	bool fresh;

	for (int i = 1; i >= 0; i--) /* from one place in the code, so that they are one incident */
		incident = incident_announce(&calls[i], &fresh);
	cr_assert(incident && !fresh && incident->count == 2);
	cr_expect(incident->first_ns == calls[0].t_ns && incident->last_ns == calls[1].t_ns);
}

Test(shim_incident, a_short_history)
{
	const struct trace_incident *incident;

	socket_remember(connection, "connect", 1, 0, 0, false);
	incident = write_accepted(30, account(31, 0, TCP_CLOSE_WAIT));
	cr_expect(incident->history_count == 2);
	cr_expect_str_eq(incident->history[0].call, "connect");
	cr_expect(incident->history[1].result == 30);
}

Test(shim_incident, names_of_calls_are_cut)
{
	struct incident_call call = a_call(1);
	struct trace_incident *incident, *again;
	bool fresh;

	call.call = "a_call_with_a_long_name";
	incident = incident_announce(&call, &fresh);
	cr_expect_str_eq(incident->call, "a_call_with_a_l");
	again = incident_announce(&call, &fresh);
	cr_expect(again == incident && !fresh);
}

/* ---- rejected ---- */

Test(shim_incident, rejected)
{
	const struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_RAISED);

	expect_outcome(incident, TRACE_REJECTED);
	cr_expect(incident->error == EPIPE && incident->sigpipe == TRACE_SIGPIPE_RAISED);
	expect_bytes(incident, 0, 0, 0);
}

Test(shim_incident, a_fatal_signal_that_did_not_come)
{
	struct incident_call call = a_call(10);
	struct probe_tcp tcp = account(1, 0, TCP_CLOSE_WAIT);
	bool fresh;
	struct trace_incident *incident;

	call.may_kill = true;
	incident = incident_announce(&call, &fresh);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	incident_reject(incident, &call, ECONNRESET, TRACE_SIGPIPE_NONE);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_NONE);
	incident_announce(&call, &fresh);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	incident_reject(incident, &call, EPIPE, TRACE_SIGPIPE_RAISED);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_RAISED);
	incident_announce(&call, &fresh);
	incident_accept(incident, &call, 10, &tcp);
	cr_expect(incident->sigpipe != TRACE_SIGPIPE_FATAL);
	incident_announce(&call, &fresh);
	incident_withdraw(incident, &call);
	cr_expect(incident->sigpipe != TRACE_SIGPIPE_FATAL);
	cr_expect(incident->count == 3);
}

/* ---- accepted: how the bytes fared ---- */

Test(shim_incident, what_a_unix_socket_accepts_is_delivered)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident;

	connection->protocol = TRACE_UNIX_STREAM;
	incident = incident_announce(&call, &fresh);
	incident_accept(incident, &call, 10, NULL);
	expect_outcome(incident, TRACE_DELIVERED);
	expect_bytes(incident, 10, 0, 0);
}

/* The connection was closed meanwhile by another thread, say: nobody can know. */
Test(shim_incident, without_an_account_nothing_is_claimed)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 10, NULL);
	expect_outcome(incident, TRACE_UNCONFIRMED);
}

Test(shim_incident, delivered_at_once)
{
	const struct trace_incident *incident = write_accepted(10, account(11, 0, TCP_CLOSE_WAIT));

	expect_outcome(incident, TRACE_DELIVERED);
	expect_bytes(incident, 10, 0, 0);
	cr_expect(incident->after.tcp_state == TCP_CLOSE_WAIT && incident->after.unsent_bytes == 0);
	cr_expect_not(connection->state & SOCKET_PENDING);
}

Test(shim_incident, lost_at_once)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE));

	expect_outcome(incident, TRACE_LOST);
	expect_bytes(incident, 10, 0, 10);
	cr_expect_not(connection->state & SOCKET_PENDING);
}

Test(shim_incident, delivered_later)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	expect_outcome(incident, TRACE_UNCONFIRMED);
	expect_bytes(incident, 10, 10, 0);
	cr_expect(connection->state & SOCKET_PENDING);
	settle(account(1, 10, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_UNCONFIRMED);
	settle(account(11, 0, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_DELIVERED);
	expect_bytes(incident, 10, 0, 0);
	cr_expect_not(connection->state & SOCKET_PENDING);
	settle(account(11, 0, TCP_CLOSE));
	expect_outcome(incident, TRACE_DELIVERED);
}

/* One more write of an incident whose bytes had all been acknowledged: it is unsettled again. */
Test(shim_incident, delivered_then_pending_again)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	settle(account(11, 0, TCP_CLOSE_WAIT));
	cr_expect(write_accepted(10, account(11, 10, TCP_CLOSE_WAIT)) == incident);
	expect_outcome(incident, TRACE_UNCONFIRMED);
	cr_expect(connection->state & SOCKET_PENDING);
	settle(account(21, 0, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_DELIVERED);
}

Test(shim_incident, partly_acknowledged_then_lost)
{
	const struct trace_incident *incident = write_accepted(100, account(1, 100, TCP_CLOSE_WAIT));

	settle(account(41, 60, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_UNCONFIRMED);
	expect_bytes(incident, 100, 60, 0);
	settle(account(61, 40, TCP_CLOSE));
	expect_outcome(incident, TRACE_LOST);
	expect_bytes(incident, 100, 0, 40);
	cr_expect_not(connection->state & SOCKET_PENDING);
	settle(account(61, 40, TCP_CLOSE));
	expect_bytes(incident, 100, 0, 40);
}

/* Of the bytes on their way only the last ones are the incident's: what was written before is acknowledged before. */
Test(shim_incident, bytes_of_earlier_writes_are_not_its_own)
{
	const struct trace_incident *incident = write_accepted(100, account(1, 150, TCP_CLOSE_WAIT));

	expect_bytes(incident, 100, 100, 0);
	settle(account(51, 100, TCP_CLOSE_WAIT));
	expect_bytes(incident, 100, 100, 0);
	settle(account(71, 80, TCP_CLOSE_WAIT));
	expect_bytes(incident, 100, 80, 0);
	settle(account(71, 80, TCP_CLOSE));
	expect_bytes(incident, 100, 0, 80);
}

Test(shim_incident, bytes_of_later_writes_are_not_its_own)
{
	struct incident_call later = a_call(500);
	const struct trace_incident *incident = write_accepted(100, account(1, 100, TCP_CLOSE_WAIT)), *other;
	struct probe_tcp tcp = account(1, 600, TCP_CLOSE_WAIT);
	bool fresh;

	later.call = "writev";
	other = incident_announce(&later, &fresh);
	incident_accept((struct trace_incident *)(uintptr_t)other, &later, 500, &tcp);
	cr_expect(fresh && other != incident);
	expect_bytes(other, 500, 500, 0);
	settle(account(301, 300, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_DELIVERED);
	expect_bytes(other, 500, 300, 0);
	settle(account(301, 300, TCP_CLOSE));
	expect_outcome(incident, TRACE_DELIVERED);
	expect_outcome(other, TRACE_LOST);
	expect_bytes(other, 500, 0, 300);
}

Test(shim_incident, bytes_add_up_over_repeats)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	cr_expect(write_accepted(20, account(1, 30, TCP_CLOSE_WAIT)) == incident);
	expect_bytes(incident, 30, 30, 0);
	cr_expect(write_accepted(5, account(16, 20, TCP_CLOSE_WAIT)) == incident);
	expect_bytes(incident, 35, 20, 0);
	settle(account(16, 20, TCP_CLOSE));
	expect_bytes(incident, 35, 0, 20);
	expect_outcome(incident, TRACE_LOST);
	cr_expect(incident->count == 3 && incident->bytes_offered == 35);
}

Test(shim_incident, a_short_write_counts_what_was_accepted)
{
	struct incident_call call = a_call(1000);
	struct probe_tcp tcp = account(1, 300, TCP_CLOSE);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 300, &tcp);
	cr_expect(incident->bytes_offered == 1000);
	expect_bytes(incident, 300, 0, 300);
}

/* A kernel whose TCP_INFO ends early: what waits later may have been written since. */
Test(shim_incident, without_acknowledged_bytes_a_later_end_claims_nothing)
{
	struct probe_tcp tcp = account(0, 10, TCP_CLOSE_WAIT);
	struct trace_incident *incident;

	tcp.acked_unknown = true;
	incident = write_accepted(10, tcp);
	expect_bytes(incident, 10, 10, 0);
	tcp.state = TCP_CLOSE;
	settle(tcp);
	expect_outcome(incident, TRACE_UNCONFIRMED);
	expect_bytes(incident, 10, 10, 0);
	tcp.unacked_bytes = 0;
	settle(tcp);
	expect_outcome(incident, TRACE_DELIVERED);
}

/* Right after the call its bytes are the last of the stream. */
Test(shim_incident, without_acknowledged_bytes_an_end_at_once_is_a_loss)
{
	struct probe_tcp tcp = account(0, 10, TCP_CLOSE);
	struct trace_incident *incident;

	tcp.acked_unknown = true;
	incident = write_accepted(10, tcp);
	expect_outcome(incident, TRACE_LOST);
	expect_bytes(incident, 10, 0, 10);
}

Test(shim_incident, what_was_accepted_had_been_offered)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(11, 0, TCP_CLOSE_WAIT);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 10, &tcp);
	cr_expect(incident->bytes_offered == 10);
}

Test(shim_incident, the_worst_outcome_stays)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE));

	cr_expect(write_rejected(EPIPE, TRACE_SIGPIPE_NONE) == incident);
	expect_outcome(incident, TRACE_LOST);
	cr_expect(incident->error == EPIPE);
}

Test(shim_incident, rejected_is_worse_than_unconfirmed)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	expect_outcome(incident, TRACE_REJECTED);
	expect_bytes(incident, 10, 10, 0);
	settle(account(1, 10, TCP_CLOSE));
	expect_outcome(incident, TRACE_LOST);
}

/* More places on one socket than can be followed: those that can be, are still right. */
Test(shim_incident, more_pending_incidents_than_places)
{
	static const char *const calls[] = {"write", "send", "sendto", "sendmsg", "writev", "sendfile", "splice"};
	struct trace_incident *all[COUNT_OF(calls)];
	uint32_t settled = 0;

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		struct incident_call call = a_call(10);
		struct probe_tcp tcp = account(1, 10 + 10 * (uint32_t)i, TCP_CLOSE_WAIT);
		bool fresh;

		call.call = calls[i];
		all[i] = incident_announce(&call, &fresh);
		cr_assert(fresh);
		incident_accept(all[i], &call, 10, &tcp);
	}
	settle(account(1, 10 * COUNT_OF(calls), TCP_CLOSE));
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		cr_expect(all[i]->bytes_lost + all[i]->pending_bytes == 10);
		cr_expect(all[i]->outcome == (all[i]->bytes_lost ? TRACE_LOST : TRACE_UNCONFIRMED));
		settled += all[i]->bytes_lost == 10;
	}
	cr_expect(settled == SOCKET_INCIDENTS);
	cr_expect_not(connection->state & SOCKET_PENDING);
}

Test(shim_incident, a_silent_peer_that_comes_back)
{
	struct incident_call call = a_call(10);
	struct probe_tcp tcp = account(1, 60, TCP_ESTABLISHED);
	struct trace_incident *incident;
	bool fresh;

	call.verdict.kind = TRACE_WRITE_TO_SILENT_PEER;
	call.backlog = 50;
	call.silent_since_ns = 77;
	call.retransmissions = 3;
	incident = incident_announce(&call, &fresh);
	incident_accept(incident, &call, 10, &tcp);
	expect_outcome(incident, TRACE_UNCONFIRMED);
	cr_expect(incident->pending_bytes == 60 && incident->silent_since_ns == 77 && incident->retransmissions == 3);
	settle(account(31, 30, TCP_ESTABLISHED));
	cr_expect_not(incident->flags & TRACE_INCIDENT_HEALED);
	settle(account(61, 0, TCP_ESTABLISHED));
	cr_expect(incident->flags & TRACE_INCIDENT_HEALED);
	expect_outcome(incident, TRACE_DELIVERED);
}

/* ---- merged, or not ---- */

Test(shim_incident, repeats_from_one_place_are_one_incident)
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

Test(shim_incident, what_differs_stays_apart)
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

Test(shim_incident, places_are_told_apart_by_their_stacks)
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

Test(shim_incident, taken_back)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_withdraw(incident, &call);
	cr_expect(incidents(TRACE_COMMITTED) == 0 && incidents(TRACE_VOID) == 1);
}

Test(shim_incident, one_of_several_taken_back)
{
	struct incident_call call = a_call(7);
	const struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	bool fresh;

	incident_withdraw(incident_announce(&call, &fresh), &call);
	cr_expect(incident->count == 1 && incident->bytes_offered == 10 && incidents(TRACE_COMMITTED) == 1);
	expect_outcome(incident, TRACE_REJECTED);
}

Test(shim_incident, taken_back_altogether)
{
	struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_NONE);

	incident_void(incident);
	cr_expect(incidents(TRACE_COMMITTED) == 0);
	cr_expect(write_rejected(EPIPE, TRACE_SIGPIPE_NONE)->count == 1);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
}

/* Two threads wait in the same place, and both are told to try again: in whatever order, nothing is left. */
Test(shim_incident, all_of_several_taken_back)
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
Test(shim_incident, taken_back_again_and_again)
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
			incident_reject(incident, &call, EPIPE, TRACE_SIGPIPE_NONE);
		else
			incident_withdraw(incident, &call);
	}
	return NULL;
}

Test(shim_incident, from_several_threads, .timeout = 600)
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

/* ---- found out afterwards, and told by others ---- */

Test(shim_incident, bytes_found_to_be_lost)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(101, 60, TCP_CLOSE);
	struct fixture_trace trace;
	const struct trace_record *record;
	const struct trace_incident *incident = NULL;

	socket_remember(connection, "write", 1, 100, 100, true);
	socket_remember(connection, "recv", 2, 100, 50, false);
	socket_remember(connection, "send", 3, 40, 40, true);
	socket_remember(connection, "send", 4, 20, -EAGAIN, true);
	socket_remember(connection, "sendmsg", 5, 20, 20, true);
	call.verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_RESET, .knowledge = TRACE_NOBODY};
	incident_found_lost(&call, 60, &tcp, ETIMEDOUT);
	trace = fixture_open_trace(own_trace());
	while ((record = fixture_next(&trace)))
		if (record->type == TRACE_INCIDENT)
			incident = (const void *)record;
	cr_assert_not_null(incident);
	cr_expect(incident->outcome == TRACE_LOST && incident->bytes_lost == 60 && incident->bytes_accepted == 60);
	cr_expect(incident->count == 2 && incident->first_ns == 3 && incident->last_ns == 5);
	cr_expect_str_eq(incident->call, "sendmsg");
	cr_expect(incident->error == ETIMEDOUT && incident->knowledge == TRACE_NOBODY);
	cr_expect(connection->lost_reported == 60);
}

/* 65,538 is what SIOCOUTQ says of a connection without any that connect(AF_UNSPEC) has dissolved. */
Test(shim_incident, no_more_is_lost_than_was_accepted)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(0, 65538, TCP_CLOSE);

	connection->record->bytes_sent = 0;
	call.verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_RESET, .knowledge = TRACE_NOBODY};
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 0 && connection->lost_reported == 0);
	cr_expect(connection->state & SOCKET_LOSS_OPEN);
	connection->record->bytes_sent = 100;
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 1 && connection->lost_reported == 100);
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 1 && connection->lost_reported == 100);
}

Test(shim_incident, dropped_by_a_runtime)
{
	struct incident_drop drop = {.fd = -1,
		.socket = connection->record,
		.bytes = 10,
		.told = true,
		.note = "own close",
		.note_length = 9,
		.stack = "  File \"app.py\", line 12 in keep_alive\n",
		.stack_length = 38,
		.t_ns = 5};
	const struct trace_incident *incident = NULL;

	connection->record->closed_ns = 3;
	for (int i = 0; i < 3; i++)
		incident = incident_dropped(&drop);
	drop.stack = "  File \"app.py\", line 13 in keep_alive\n";
	cr_expect(incident_dropped(&drop) != incident);
	drop.told = false;
	cr_expect(incident_dropped(&drop) != incident);
	cr_expect(incidents(TRACE_COMMITTED) == 3);
	cr_expect(
		incident->count == 3 && incident->bytes_offered == 30 && incident->kind == TRACE_DROPPED_BY_FRAMEWORK);
	cr_expect(incident->knowledge == TRACE_TOLD && incident->outcome == TRACE_REJECTED);
	cr_expect(incident->socket == trace_log_ref(connection->record));
	cr_expect(connection->record->flags & TRACE_SOCKET_HAS_INCIDENT);
	cr_expect(!memcmp(((struct trace_text *)trace_log_at(incident->text))->text, "own close", 9));
	cr_expect_not(incident->flags & TRACE_INCIDENT_IN_CALL);
	drop.socket = NULL;
	cr_expect(incident_dropped(&drop)->socket == 0);
}
