/* incident_settle.c: what became of the bytes: rejected, delivered, lost, not known yet. */
#include "tests/unit/shim/verdict/incident_fixture.h"

TestSuite(incident, .init = set_up, .fini = fixture_end);

/* ---- rejected ---- */

Test(incident, rejected)
{
	const struct trace_incident *incident = write_rejected(EPIPE, TRACE_SIGPIPE_RAISED);

	expect_outcome(incident, TRACE_REJECTED);
	cr_expect(incident->error == EPIPE && incident->sigpipe == TRACE_SIGPIPE_RAISED);
	expect_bytes(incident, 0, 0, 0);
}

Test(incident, a_fatal_signal_that_did_not_come)
{
	struct incident_call call = a_call(10);
	struct probe_tcp tcp = account(1, 0, TCP_CLOSE_WAIT);
	bool fresh;
	struct trace_incident *incident;

	call.may_kill = true;
	incident = incident_announce(&call, &fresh);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	incident_reject(incident, ECONNRESET, TRACE_SIGPIPE_NONE);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_NONE);
	incident_announce(&call, &fresh);
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	incident_reject(incident, EPIPE, TRACE_SIGPIPE_RAISED);
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

Test(incident, what_a_unix_socket_accepts_is_delivered)
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
Test(incident, without_an_account_nothing_is_claimed)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 10, NULL);
	expect_outcome(incident, TRACE_UNCONFIRMED);
}

Test(incident, delivered_at_once)
{
	const struct trace_incident *incident = write_accepted(10, account(11, 0, TCP_CLOSE_WAIT));

	expect_outcome(incident, TRACE_DELIVERED);
	expect_bytes(incident, 10, 0, 0);
	cr_expect(incident->after.tcp_state == TCP_CLOSE_WAIT && incident->after.unsent_bytes == 0);
	cr_expect_not(connection->state & SOCKET_PENDING);
}

Test(incident, lost_at_once)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE));

	expect_outcome(incident, TRACE_LOST);
	expect_bytes(incident, 10, 0, 10);
	cr_expect_not(connection->state & SOCKET_PENDING);
}

Test(incident, delivered_later)
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
Test(incident, delivered_then_pending_again)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	settle(account(11, 0, TCP_CLOSE_WAIT));
	cr_expect(write_accepted(10, account(11, 10, TCP_CLOSE_WAIT)) == incident);
	expect_outcome(incident, TRACE_UNCONFIRMED);
	cr_expect(connection->state & SOCKET_PENDING);
	settle(account(21, 0, TCP_CLOSE_WAIT));
	expect_outcome(incident, TRACE_DELIVERED);
}

Test(incident, partly_acknowledged_then_lost)
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
Test(incident, bytes_of_earlier_writes_are_not_its_own)
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

Test(incident, bytes_of_later_writes_are_not_its_own)
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

Test(incident, bytes_add_up_over_repeats)
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

Test(incident, a_short_write_counts_what_was_accepted)
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
Test(incident, without_acknowledged_bytes_a_later_end_claims_nothing)
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
Test(incident, without_acknowledged_bytes_an_end_at_once_is_a_loss)
{
	struct probe_tcp tcp = account(0, 10, TCP_CLOSE);
	struct trace_incident *incident;

	tcp.acked_unknown = true;
	incident = write_accepted(10, tcp);
	expect_outcome(incident, TRACE_LOST);
	expect_bytes(incident, 10, 0, 10);
}

Test(incident, what_was_accepted_had_been_offered)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(11, 0, TCP_CLOSE_WAIT);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 10, &tcp);
	cr_expect(incident->bytes_offered == 10);
}

Test(incident, the_worst_outcome_stays)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE));

	cr_expect(write_rejected(EPIPE, TRACE_SIGPIPE_NONE) == incident);
	expect_outcome(incident, TRACE_LOST);
	cr_expect(incident->error == EPIPE);
}

Test(incident, rejected_is_worse_than_unconfirmed)
{
	const struct trace_incident *incident = write_accepted(10, account(1, 10, TCP_CLOSE_WAIT));

	write_rejected(EPIPE, TRACE_SIGPIPE_NONE);
	expect_outcome(incident, TRACE_REJECTED);
	expect_bytes(incident, 10, 10, 0);
	settle(account(1, 10, TCP_CLOSE));
	expect_outcome(incident, TRACE_LOST);
}

/* More places on one socket than can be followed: those that can be, are still right. */
Test(incident, more_pending_incidents_than_places)
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

Test(incident, a_silent_peer_that_comes_back)
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
