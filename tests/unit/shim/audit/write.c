/* write.c: a write is judged before its call and by its result, and booked on one socket (audit_write.h). */
#include "shim/audit/audit_late.h"
#include "tests/unit/shim/audit/fixture.h"

TestSuite(write, .init = audit_set_up, .fini = fixture_end);

/* ---- before the call ---- */

Test(write, one_that_is_in_order_is_booked)
{
	struct pair pair = connect_tcp();

	cr_expect(audited_send(pair.ours, 5) == 5);
	cr_expect(record_of(pair.ours)->writes == 1 && record_of(pair.ours)->bytes_sent == 5);
	cr_expect(record_of(pair.ours)->in_call_ns == 0);
	expect_no_incident();
}

Test(write, while_it_is_under_way_the_record_says_so)
{
	struct pair pair = connect_tcp();
	struct audit_write write;

	cr_assert(begin_send(&write, pair.ours, 5));
	cr_expect(record_of(pair.ours)->in_call_ns == write.start_ns);
	cr_expect_str_eq(record_of(pair.ours)->in_call, "send");
	audit_write_end(&write, send(pair.ours, fixture_bytes, 5, 0));
	cr_expect(record_of(pair.ours)->in_call_ns == 0);
}

Test(write, after_the_peers_close_which_only_the_kernel_knew)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_closes(&pair);
	cr_expect(audited_send(pair.ours, 5) == 5);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.count == 1 && incident.bytes_offered == 5 && incident.bytes_accepted == 5);
	cr_expect(record_of(pair.ours)->writes_after_peer_close == 1 && record_of(pair.ours)->peer_closed_ns);
}

Test(write, after_a_read_that_told_of_the_peers_close)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_closes(&pair);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	audited_send(pair.ours, 5);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD);
	cr_expect_str_eq(incident.told_call, "recv");
	cr_expect(incident.told_ns && incident.told_ns <= incident.first_ns);
}

Test(write, of_an_open_connection_after_a_read_is_in_order)
{
	struct pair pair = connect_tcp();

	cr_assert(send(pair.theirs, "x", 1, 0) == 1);
	wait_until(pair.ours, POLLIN);
	cr_expect(audited_recv(pair.ours, 8, 0) == 1);
	cr_expect(audited_send(pair.ours, 5) == 5);
	expect_no_incident();
}

Test(write, after_the_programs_own_shutdown)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	audited_shutdown(pair.ours, SHUT_WR);
	cr_expect(audited_send(pair.ours, 5) == -1 && errno == EPIPE);
	incident = expect_incident(TRACE_WRITE_AFTER_SHUTDOWN, TRACE_TOLD);
	cr_expect(incident.outcome == TRACE_REJECTED && incident.error == EPIPE);
	cr_expect(record_of(pair.ours)->writes_after_shutdown == 1);
}

Test(write, after_a_shutdown_of_the_reading_half_is_in_order)
{
	struct pair pair = connect_tcp();

	audited_shutdown(pair.ours, SHUT_RD);
	cr_expect(audited_send(pair.ours, 5) == 5);
	expect_no_incident();
}

/* The call that fails tells the program: what it writes after that it writes knowingly. */
Test(write, after_a_reset)
{
	struct pair pair = connect_tcp();
	struct trace_incident found[FIXTURE_INCIDENTS];

	peer_resets(&pair);
	cr_expect(audited_send(pair.ours, 5) == -1 && errno == ECONNRESET);
	expect_incident(TRACE_WRITE_AFTER_RESET, TRACE_KERNEL);
	cr_expect(audited_send(pair.ours, 5) == -1 && errno == EPIPE);
	cr_assert(incidents(found) == 2);
	cr_expect(found[1].kind == TRACE_WRITE_AFTER_RESET && found[1].knowledge == TRACE_TOLD);
	cr_expect_str_eq(found[1].told_call, "send");
	cr_expect(record_of(pair.ours)->end_error == ECONNRESET && record_of(pair.ours)->reset_ns);
}

Test(write, before_any_connect)
{
	int fd = audited_socket(AF_INET, SOCK_STREAM);

	cr_expect(audited_send(fd, 5) == -1);
	expect_incident(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD);
	cr_expect(record_of(fd)->writes_before_connect == 1);
}

Test(write, an_unconnected_datagram_socket_may_send_to_an_address)
{
	struct sockaddr_in address = dead_address();
	int fd = audited_socket(AF_INET, SOCK_DGRAM);
	struct audit_write write;
	ssize_t result;

	cr_assert(begin_send(&write, fd, 5));
	result = sendto(fd, fixture_bytes, 5, 0, (struct sockaddr *)&address, sizeof(address));
	cr_expect(audit_write_end(&write, result) == 5);
	expect_no_incident();
}

/* From one place, so that all are one incident. */
Test(write, several_from_one_place_are_one_incident)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_half_closes(&pair);
	for (int i = 0; i < 3; i++)
		cr_expect(audited_send(pair.ours, 5) == 5);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.count == 3 && incident.bytes_offered == 15 && incident.bytes_accepted == 15);
}

/* ---- by the result ---- */

Test(write, that_meets_an_end_which_came_after_the_look)
{
	struct pair pair = connect_tcp();
	struct audit_write write;
	struct trace_incident incident;

	cr_assert(begin_send(&write, pair.ours, 5));
	peer_resets(&pair);
	audit_write_end(&write, send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL));
	cr_expect(errno == ECONNRESET, "errno is the call's");
	incident = expect_incident(TRACE_WRITE_AFTER_RESET, TRACE_KERNEL);
	cr_expect(incident.flags & TRACE_INCIDENT_RACE && incident.error == ECONNRESET);
}

Test(write, refused_for_want_of_room_accuses_nobody)
{
	struct pair pair = make_unix_pair(SOCK_STREAM);

	fill(pair.ours);
	audited_shutdown(pair.theirs, SHUT_WR);
	cr_expect(audited_send(pair.ours, 5) == -1 && errno == EAGAIN);
	expect_no_incident();
	cr_expect(!(fixture_socket(pair.ours)->state & SOCKET_TOLD));
}

Test(write, of_nothing_accuses_nobody)
{
	struct pair pair = connect_tcp();

	peer_half_closes(&pair);
	cr_expect(audited_send(pair.ours, 0) == 0);
	expect_no_incident();
}

/* ---- while another thread closes the number ---- */

Test(write, to_a_number_that_the_program_has_closed)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	cr_assert(audited_close(pair.ours) == 0);
	cr_expect(audited_send(pair.ours, 5) == -1 && errno == EBADF);
	incident = expect_incident(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD);
	cr_expect(incident.error == EBADF && incident.fd == pair.ours && incident.outcome == TRACE_REJECTED);
}

Test(write, to_a_number_that_means_another_socket_now_is_that_ones)
{
	struct pair pair = connect_tcp();

	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	cr_expect(audited_send(pair.ours, 5) == 5);
	expect_no_incident();
	cr_expect(record_of(pair.ours)->protocol == TRACE_UNIX_STREAM && record_of(pair.ours)->bytes_sent == 5);
}

Test(write, closed_by_another_thread_before_the_kernel_looked)
{
	struct pair pair = connect_tcp();
	struct audit_write write;

	cr_assert(begin_send(&write, pair.ours, 5));
	cr_assert(audited_close(pair.ours) == 0);
	audit_write_end(&write, send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL));
	cr_expect(errno == EBADF);
	expect_incident(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD);
	cr_expect(stale_count() == 0);
}

Test(write, closed_by_another_thread_after_the_kernel_took_the_bytes)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	struct audit_write write;
	ssize_t result;

	cr_assert(begin_send(&write, pair.ours, 5));
	result = send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL);
	cr_assert(audited_close(pair.ours) == 0);
	cr_expect(audit_write_end(&write, result) == 5);
	expect_no_incident();
	cr_expect(record->bytes_sent == 5 && record->writes == 1 && record->in_call_ns == 0);
	cr_expect(stale_count() == 0);
}

/* Which of the two connections took the bytes nobody can tell. */
Test(write, whose_number_changed_hands_is_booked_nowhere)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	struct audit_write write;

	cr_assert(begin_send(&write, pair.ours, 5));
	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	audit_write_end(&write, send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL));
	expect_no_incident();
	cr_expect(record->bytes_sent == 0 && record_of(pair.ours)->bytes_sent == 0);
	cr_expect(record->in_call_ns == 0 && stale_count() == 1);
}

Test(write, whose_number_changed_hands_and_did_nothing_is_not_counted)
{
	struct pair pair = connect_tcp();
	struct audit_write write;

	cr_assert(begin_send(&write, pair.ours, 5));
	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	errno = EAGAIN;
	audit_write_end(&write, -1);
	cr_expect(stale_count() == 0);
	expect_no_incident();
}

/* Accused, and then nobody knows whether the call was made on that connection: what became of it stays open. */
Test(write, accused_whose_number_changed_hands_stays_without_an_outcome)
{
	struct pair pair = connect_tcp();
	struct audit_write write;
	struct trace_incident incident;

	peer_closes(&pair);
	cr_assert(begin_send(&write, pair.ours, 5));
	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	audit_write_end(&write, send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL));
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_UNCONFIRMED && incident.bytes_accepted == 0);
	cr_expect(stale_count() == 1);
}

/* ---- resize and cancel ---- */

Test(write, resized_counts_what_it_turned_out_to_offer)
{
	struct pair pair = connect_tcp();
	struct audit_write write;
	struct trace_incident incident;

	peer_half_closes(&pair);
	cr_assert(begin_send(&write, pair.ours, 100));
	audit_write_resize(&write, 7);
	audit_write_end(&write, send(pair.ours, fixture_bytes, 7, MSG_NOSIGNAL));
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.bytes_offered == 7 && incident.bytes_accepted == 7);
	cr_expect(incident.history[incident.history_count - 1].length == 7);
}

Test(write, cancelled_was_never_there)
{
	struct pair pair = connect_tcp();
	struct audit_write write;

	peer_half_closes(&pair);
	cr_assert(begin_send(&write, pair.ours, 5));
	cr_assert_not_null(write.incident);
	errno = 77;
	audit_write_cancel(&write);
	cr_expect(errno == 77);
	expect_no_incident();
	cr_expect(record_of(pair.ours)->writes == 0 && record_of(pair.ours)->writes_after_peer_close == 0);
	cr_expect(record_of(pair.ours)->in_call_ns == 0);
}

Test(write, cancelled_takes_back_its_own_part_alone)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_half_closes(&pair);
	for (int i = 0; i < 2; i++) {
		struct audit_write write;

		cr_assert(begin_send(&write, pair.ours, 5));
		if (i == 0)
			audit_write_end(&write, send(pair.ours, fixture_bytes, 5, MSG_NOSIGNAL));
		else
			audit_write_cancel(&write);
	}
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.count == 1 && incident.bytes_offered == 5);
	cr_expect(record_of(pair.ours)->writes_after_peer_close == 1);
}

/* ---- results that come later ---- */

Test(write, whose_result_is_never_seen_claims_nothing)
{
	struct pair pair = connect_tcp();
	struct audit_write write;
	struct trace_incident incident;

	peer_half_closes(&pair);
	cr_assert(begin_send(&write, pair.ours, 5));
	audit_write_unknown(&write);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
	cr_expect(incident.outcome == TRACE_UNCONFIRMED && incident.bytes_accepted == 0);
	cr_expect(record_of(pair.ours)->writes == 1 && record_of(pair.ours)->bytes_sent == 0);
}
