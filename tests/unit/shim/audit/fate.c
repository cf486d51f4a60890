/* fate.c: what became of the bytes: pending, delivered, lost; and whose they may be besides ours. */
#include "shim/audit/audit_fate.h"

#include <sys/wait.h>

#include "shim/audit/audit_process.h"
#include "tests/unit/shim/audit/fixture.h"

TestSuite(fate, .init = audit_set_up, .fini = fixture_end);

static void settle(int fd)
{
	struct socket_hold hold;

	cr_assert(socket_hold_open(&hold, fd));
	audit_settle(&hold, true);
	socket_release(&hold);
}

Test(fate, delivered_where_the_peer_acknowledged_the_bytes)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;
	char bytes[5];

	peer_half_closes(&pair);
	cr_assert(audited_send(pair.ours, 5) == 5);
	cr_assert(recv(pair.theirs, bytes, 5, MSG_WAITALL) == 5);
	settle(pair.ours);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_DELIVERED && incident.bytes_lost == 0 && incident.pending_bytes == 0);
	cr_expect_not(fixture_socket(pair.ours)->state & SOCKET_PENDING);
}

Test(fate, pending_while_the_peer_has_no_room)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_half_closes(&pair);
	fill(pair.ours);
	settle(pair.ours);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_UNCONFIRMED && incident.pending_bytes > 0 && incident.bytes_lost == 0);
	cr_expect(fixture_socket(pair.ours)->state & SOCKET_PENDING);
}

Test(fate, lost_where_the_peer_answers_with_a_reset)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_closes(&pair);
	cr_assert(audited_send(pair.ours, 5) == 5);
	wait_until(pair.ours, POLLHUP);
	settle(pair.ours);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_LOST && incident.bytes_lost == 5);
	cr_expect(record_of(pair.ours)->reset_ns);
}

/* Nothing was wrong when they were written. */
Test(fate, bytes_that_wait_when_the_connection_is_reset_are_found_lost)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	fill(pair.ours);
	expect_no_incident();
	peer_resets(&pair);
	cr_assert(audited_recv(pair.ours, 8, 0) == -1);
	incident = expect_incident(TRACE_WRITE_AFTER_RESET, TRACE_NOBODY);
	cr_expect(incident.outcome == TRACE_LOST && incident.bytes_lost > 0);
}

Test(fate, a_reset_after_all_was_acknowledged_loses_nothing)
{
	struct pair pair = connect_tcp();
	char bytes[5];

	cr_assert(audited_send(pair.ours, 5) == 5);
	cr_assert(recv(pair.theirs, bytes, 5, MSG_WAITALL) == 5);
	peer_resets(&pair);
	cr_assert(audited_recv(pair.ours, 8, 0) == -1);
	expect_no_incident();
	cr_expect(record_of(pair.ours)->reset_ns);
}

/* ---- other owners ---- */

static bool may_be_shared(int fd)
{
	struct socket_hold hold;
	bool shared;

	cr_assert(socket_hold_open(&hold, fd));
	shared = audit_may_be_shared(&hold);
	socket_release(&hold);
	return shared;
}

Test(fate, a_fork_makes_second_owners_of_what_was_open)
{
	struct pair before = connect_tcp(), after;

	cr_expect_not(may_be_shared(before.ours));
	audit_shared_by_fork();
	after = connect_tcp();
	cr_expect(may_be_shared(before.ours));
	cr_expect_not(may_be_shared(after.ours));
}

Test(fate, a_program_that_is_started_gets_what_is_not_closed_on_exec)
{
	struct pair kept = connect_tcp(), closed = connect_tcp();

	cr_assert(fcntl(closed.ours, F_SETFD, FD_CLOEXEC) == 0);
	audit_shared_by_spawn();
	cr_expect(may_be_shared(kept.ours));
	cr_expect_not(may_be_shared(closed.ours));
}

Test(fate, a_close_of_what_a_fork_shared_loses_nothing)
{
	struct pair pair = connect_tcp();

	fill(pair.ours);
	close_linger_zero(pair.ours);
	audit_shared_by_fork();
	cr_assert(audited_close(pair.ours) == 0);
	expect_no_incident();
}

/* ---- the end of the process ---- */

Test(fate, an_exit_is_the_last_word_on_what_is_pending)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;
	size_t waiting;

	peer_half_closes(&pair);
	waiting = fill(pair.ours);
	cr_assert(fixture_socket(pair.ours)->state & SOCKET_PENDING);
	while (waiting) {
		ssize_t result = recv(pair.theirs, fixture_bytes, sizeof(fixture_bytes), 0);

		cr_assert(result > 0);
		waiting -= (size_t)result;
	}
	audit_process_ends(true);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_DELIVERED && incident.pending_bytes == 0);
	cr_expect(trace_log_process()->ended == TRACE_EXITED && trace_log_process()->ended_ns);
}

Test(fate, an_exec_that_fails_leaves_the_process_running)
{
	struct pair pair = connect_tcp();
	bool ours = audit_exec_begin("/nonexistent");

	cr_assert(ours);
	cr_expect(trace_log_process()->ended == TRACE_EXEC);
	audit_exec_failed(ours);
	cr_expect(trace_log_process()->ended == TRACE_RUNNING && trace_log_process()->ended_ns == 0);
	cr_expect(audited_send(pair.ours, 5) == 5 && record_of(pair.ours)->end == TRACE_END_OPEN);
}

/* A child has a trace of its own: what it does with a connection of its parent's is not written into the parent's. */
Test(fate, a_childs_write_is_not_booked_on_its_parents_record)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	int status;
	pid_t child = fork();

	if (child == 0) {
		bool written = audited_send(pair.ours, 5) == 5 && record_of(pair.ours) != record &&
			       record_of(pair.ours)->bytes_sent == 5;

		_exit(written ? 0 : 1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
	cr_expect(record->bytes_sent == 0 && record->writes == 0);
}
