/* knowledge.c: how a report says who knew of the end. */
#include "tests/unit/analyzer/wording/fixture.h"

/* --- Who knew ----------------------------------------------------------------------------------------------------- */

Test(wording, told_of_the_close)
{
	struct story story = base(TRACE_WRITE_AFTER_PEER_CLOSE);

	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the peer closed");
	expect_evidence(&story,
		"the peer's FIN was first seen 3.0 ms earlier | read returned 0, 2.0 ms earlier, so the program knew");
}

Test(wording, told_of_the_close_before_a_reset_came)
{
	struct story story = base(TRACE_WRITE_AFTER_RESET);

	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the peer closed");
}

Test(wording, told_of_the_reset)
{
	struct story story = base(TRACE_WRITE_AFTER_RESET);

	story.record.history[0].result = -ECONNRESET;
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the connection was reset");
	story.record.history[0].result = -ETIMEDOUT;
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the connection timed out");
	expect_evidence(&story,
		"the end of the connection was first seen 3.0 ms earlier | read failed with ETIMEDOUT, 2.0 "
		"ms earlier, so the program knew");
}

Test(wording, told_by_a_write_that_had_waited_long)
{
	struct story story = base(TRACE_WRITE_AFTER_RESET);

	strcpy(story.record.told_call, "write");
	story.record.history[0] = (struct trace_operation){
		.t_ns = NOW_NS - 5000 * MS, .length = 9, .result = -ECONNRESET, .call = "write"};
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the connection was reset");
}

Test(wording, of_what_epoll_told_the_order_of_events_decides)
{
	struct story story = base(TRACE_WRITE_AFTER_RESET);
	struct trace_socket *socket = &story.socket.record;

	strcpy(story.record.told_call, "epoll_wait");
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the connection was over");
	socket->peer_closed_ns = story.record.told_ns;
	socket->reset_ns = NOW_NS - MS;
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the peer closed");
	socket->peer_closed_ns = 0;
	socket->reset_ns = story.record.told_ns;
	expect_title(&story, "12 bytes written 2.0 ms after the program had been told that the connection was reset");
	expect_evidence(&story, "the end of the connection was first seen 3.0 ms earlier | epoll_wait reported this, "
				"2.0 ms earlier, so the program knew");
}

Test(wording, an_operation_of_another_time_is_not_the_telling)
{
	struct story story = base(TRACE_WRITE_AFTER_RESET);

	story.record.history[0].t_ns = NOW_NS - MS;
	story.record.told_ns = NOW_NS - 50 * MS;
	expect_title(&story, "12 bytes written 50.0 ms after the program had been told that the connection was over");
}

Test(wording, an_end_that_the_probe_of_this_write_found)
{
	struct story story = untold(TRACE_WRITE_AFTER_PEER_CLOSE);

	story.record.disconnect_ns = NOW_NS;
	expect_title(&story, "12 bytes written to a connection whose peer had closed");
	expect_evidence(&story, "the peer's FIN was already there; no earlier call revealed it");
	story.record.kind = TRACE_WRITE_AFTER_RESET;
	expect_title(&story, "12 bytes written to a connection that had been reset");
	expect_evidence(&story, "the end of the connection was already there; no earlier call revealed it");
}

Test(wording, an_end_that_was_no_reset)
{
	struct story story = untold(TRACE_WRITE_AFTER_RESET);

	story.record.disconnect_ns = NOW_NS;
	story.record.error = ETIMEDOUT;
	expect_title(&story, "12 bytes written to a connection that had timed out");
	story.record.error = EPIPE;
	story.has_socket = true;
	story.socket.record.end_error = EHOSTUNREACH;
	expect_title(&story, "12 bytes written to a connection whose peer was out of reach");
}

Test(wording, an_end_that_was_seen_earlier_but_not_by_the_program)
{
	struct story story = untold(TRACE_WRITE_AFTER_PEER_CLOSE);

	expect_title(&story, "12 bytes written 3.0 ms after the peer had closed, unknown to the program");
	expect_evidence(&story, "the peer's FIN was first seen 3.0 ms earlier | the program had not been told: no call "
				"revealed the end");
}

Test(wording, the_first_to_show_it)
{
	struct story story = untold(TRACE_WRITE_AFTER_RESET);

	story.record.flags = TRACE_INCIDENT_RACE;
	story.record.disconnect_ns = NOW_NS;
	expect_title(
		&story, "12 bytes written, and this call was the first to show that the connection had been reset");
	expect_evidence(&story, "the program had not been told: no call revealed the end | just before the call the "
				"connection still looked open");
}

Test(wording, found_out_later_by_a_reset)
{
	struct story story = afterwards(TRACE_WRITE_AFTER_RESET, 0);

	expect_title(&story, "30 accepted bytes were lost: the connection was reset before the peer's TCP "
			     "acknowledged them");
	expect_evidence(&story, "the last of 3 writes by send, 900 ms to 500 ms before the end was seen");
	expect_outcome(&story, "the calls reported success; the connection was then reset before the peer's TCP "
			       "acknowledged 30 of 36 bytes");
	cr_expect_not_null(wording_missing_stack(&story));
}

Test(wording, found_out_later_by_a_timeout)
{
	struct story story = afterwards(TRACE_WRITE_TO_SILENT_PEER, ETIMEDOUT);

	expect_title(&story, "30 accepted bytes were lost: the connection timed out before the peer's TCP "
			     "acknowledged them");
	expect_evidence(&story, "the connection ended with ETIMEDOUT | the last of 3 writes by send, 900 ms to 500 ms "
				"before the end was seen | 5 retransmissions in vain, in 1.0 s without an "
				"acknowledgement");
}
