/* close.c: descriptors that go, are doubled, and go once more; what a close throws away. */
#include "tests/unit/shim/audit/fixture.h"

TestSuite(close, .init = audit_set_up, .fini = fixture_end);

/* ---- the last descriptor ends the record ---- */

Test(close, ends_the_record)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);

	cr_assert(audited_close(pair.ours) == 0);
	cr_expect(record->closed_ns && record->end == TRACE_END_CLOSED);
	cr_expect_not(socket_table_is_open(pair.ours));
	expect_no_incident();
}

Test(close, of_a_connection_that_had_been_reset_says_so)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);

	peer_resets(&pair);
	cr_assert(audited_recv(pair.ours, 8, 0) == -1);
	cr_assert(audited_close(pair.ours) == 0);
	cr_expect(record->end == TRACE_END_RESET);
}

Test(close, undone_leaves_it_open)
{
	struct pair pair = connect_tcp();
	struct audit_close close_;

	audit_close_begin(&close_, "close", pair.ours);
	cr_assert_not(socket_table_is_open(pair.ours));
	audit_close_undone(&close_);
	cr_expect(record_of(pair.ours)->closed_ns == 0 && record_of(pair.ours)->end == TRACE_END_OPEN);
	cr_expect(audited_send(pair.ours, 5) == 5);
	expect_no_incident();
}

Test(close, of_one_of_two_descriptors_ends_nothing)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	uint64_t turn = socket_table_now();
	int other = dup(pair.ours);

	audit_duplicated(pair.ours, other, turn);
	cr_assert(audited_close(pair.ours) == 0);
	cr_expect(record->closed_ns == 0 && record->end == TRACE_END_OPEN);
	cr_expect(audited_send(other, 5) == 5 && record->bytes_sent == 5);
	cr_assert(audited_close(other) == 0);
	cr_expect(record->closed_ns && record->end == TRACE_END_CLOSED);
}

/* What was doubled nobody can tell: the number is looked at when it is used. */
Test(close, a_double_of_a_number_that_changed_hands_is_unknown)
{
	uint64_t turn = socket_table_now();
	struct pair pair = connect_tcp();

	audit_duplicated(pair.ours, 900, turn);
	cr_expect(socket_entry_kind(socket_table_entry(900)) == ENTRY_UNKNOWN);
}

static int audited_dup2(int from, int to)
{
	struct audit_close close_;
	uint64_t turn = socket_table_now();
	int result;

	audit_duplicate_over_begin(&close_, "dup2", from, to);
	result = dup2(from, to);
	audit_duplicate_over_end(&close_, from, to, result, turn);
	return result;
}

Test(close, by_dup2_ends_the_target_and_doubles_the_source)
{
	struct pair source = connect_tcp(), target = connect_tcp();
	const struct trace_socket *kept = record_of(source.ours), *gone = record_of(target.ours);

	cr_assert(audited_dup2(source.ours, target.ours) == target.ours);
	cr_expect(gone->closed_ns && gone->end == TRACE_END_CLOSED);
	cr_expect(record_of(target.ours) == kept && kept->closed_ns == 0);
}

Test(close, by_dup2_that_fails_ends_nothing)
{
	struct pair target = connect_tcp();

	cr_assert(audited_dup2(900, target.ours) == -1 && errno == EBADF);
	cr_expect(record_of(target.ours)->closed_ns == 0);
}

Test(close, by_dup2_onto_itself_ends_nothing)
{
	struct pair pair = connect_tcp();

	cr_assert(audited_dup2(pair.ours, pair.ours) == pair.ours);
	cr_expect(record_of(pair.ours)->closed_ns == 0);
}

/* ---- once more ---- */

Test(close, twice)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	cr_assert(audited_close(pair.ours) == 0);
	cr_assert(audited_close(pair.ours) == -1 && errno == EBADF);
	incident = expect_incident(TRACE_DOUBLE_CLOSE, TRACE_TOLD);
	cr_expect(incident.fd == pair.ours && incident.disconnect_ns);
}

Test(close, of_a_file_that_got_the_number_is_no_second_close)
{
	struct pair pair = connect_tcp();

	cr_assert(audited_close(pair.ours) == 0);
	cr_assert(dup2(pair.theirs, pair.ours) == pair.ours); /* where no hook could see */
	cr_assert(audited_close(pair.ours) == 0);
	expect_no_incident();
}

Test(close, by_a_shutdown_of_a_closed_number_is_as_bad)
{
	static const struct hook hook = {"shutdown", NULL};
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	cr_assert(audited_close(pair.ours) == 0);
	cr_assert(shutdown(pair.ours, SHUT_RDWR) == -1 && errno == EBADF);
	audit_shut_down_failed(&hook, pair.ours);
	incident = expect_incident(TRACE_DOUBLE_CLOSE, TRACE_TOLD);
	cr_expect_str_eq(incident.call, "shutdown");
}

Test(close, a_shutdown_that_fails_on_an_open_number_accuses_nobody)
{
	static const struct hook hook = {"shutdown", NULL};
	int fd = audited_socket(AF_INET, SOCK_STREAM);

	cr_assert(shutdown(fd, SHUT_RDWR) == -1 && errno == ENOTCONN);
	audit_shut_down_failed(&hook, fd);
	expect_no_incident();
}

/* A loop that closes every number meets some that never were open; what it met before that is taken back. */
Test(close, a_loop_over_all_numbers_is_a_custom)
{
	struct pair pair = connect_tcp();

	cr_assert(dup2(pair.ours, 900) == 900);
	audit_duplicated(pair.ours, 900, socket_table_now());
	cr_assert(audited_close(900) == 0);
	cr_assert(audited_close(899) == -1); /* never open, and the loop runs on */
	cr_assert(audited_close(900) == -1);
	cr_assert(audited_close(901) == -1);
	expect_no_incident();
}

Test(close, of_all_numbers_at_once_accuses_nobody_and_forgets_none)
{
	struct pair one = connect_tcp(), other = connect_tcp();
	const struct trace_socket *records[] = {record_of(one.ours), record_of(other.ours)};

	cr_assert(audited_close(one.ours) == 0);
	audit_close_many("close_range", 3, ~0u);
	cr_expect(records[0]->end == TRACE_END_CLOSED && records[1]->end == TRACE_END_CLOSED);
	expect_no_incident();
}

/* ---- bytes that a close throws away ---- */

Test(close, with_a_linger_of_nothing_throws_waiting_bytes_away)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	fill(pair.ours);
	close_linger_zero(pair.ours);
	cr_assert(audited_close(pair.ours) == 0);
	incident = expect_incident(TRACE_LOST_ON_CLOSE, TRACE_TOLD);
	cr_expect(incident.flags & TRACE_INCIDENT_LINGER && incident.outcome == TRACE_LOST);
	cr_expect(incident.bytes_lost > 0);
}

Test(close, with_a_linger_of_nothing_and_no_waiting_bytes_loses_none)
{
	struct pair pair = connect_tcp();

	close_linger_zero(pair.ours);
	cr_assert(audited_close(pair.ours) == 0);
	expect_no_incident();
}

/* The kernel resets where input was not read, instead of sending what waits. */
Test(close, with_unread_input_throws_waiting_bytes_away)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	fill(pair.ours);
	cr_assert(send(pair.theirs, "x", 1, 0) == 1);
	wait_until(pair.ours, POLLIN);
	cr_assert(audited_close(pair.ours) == 0);
	incident = expect_incident(TRACE_LOST_ON_CLOSE, TRACE_TOLD);
	cr_expect_not(incident.flags & TRACE_INCIDENT_LINGER);
}

Test(close, with_waiting_bytes_alone_leaves_them_to_the_kernel)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);

	fill(pair.ours);
	cr_assert(audited_close(pair.ours) == 0);
	expect_no_incident();
	cr_expect(record->bytes_unacked_at_close > 0);
}

Test(close, found_out_later_ends_the_record_too)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	struct socket_hold hold;

	cr_assert(socket_hold_open(&hold, pair.ours));
	audit_closed_already(&hold, "close");
	socket_release(&hold);
	cr_expect(record->end == TRACE_END_CLOSED && record->closed_ns);
	cr_expect_not(socket_table_is_open(pair.ours));
}
