/* sentences.c: silence, the program's own closes, and the rest. */
#include "tests/unit/analyzer/wording/fixture.h"

static struct process server = {.pid = 11, .exe = {.bytes = "/opt/server", .length = 11}};

/* --- Silence ------------------------------------------------------------------------------------------------------ */

static struct story silence(void)
{
	struct story story = untold(TRACE_WRITE_TO_SILENT_PEER);

	story.record.error = 0;
	story.record.disconnect_ns = 0;
	story.record.bytes_accepted = 12;
	story.record.silent_since_ns = NOW_NS - 1500 * MS;
	story.record.retransmissions = 3;
	return story;
}

Test(wording, a_silent_peer)
{
	struct story story = silence();

	story.record.outcome = TRACE_LOST;
	story.record.bytes_lost = 12;
	expect_title(&story, "12 bytes written to a peer whose TCP had acknowledged nothing for 1.5 s");
	expect_evidence(&story,
		"the program had not been told: every write succeeded | 3 retransmissions unanswered at the time");
	expect_outcome(&story,
		"the call reported success; the connection then ended before the peer's TCP acknowledged 12 bytes");
	story.record.bytes_lost = 30;
	expect_outcome(&story,
		"the call reported success; the connection then ended before the peer's TCP acknowledged 30 "
		"bytes, of which 18 had been written before");
}

Test(wording, a_silent_peer_that_came_back)
{
	struct story story = silence();

	story.record.outcome = TRACE_DELIVERED;
	story.record.flags = TRACE_INCIDENT_HEALED;
	story.record.last_ns = NOW_NS + 500 * MS;
	story.record.count = 2;
	expect_title(&story, "2 writes (12 bytes) made to a peer whose TCP had acknowledged nothing for 1.5 s");
	expect_outcome(&story,
		"late: the link came back, and the peer's TCP acknowledged the bytes after 2.0 s of silence "
		"or more");
}

/* --- The program's own closes ------------------------------------------------------------------------------------- */

Test(wording, a_write_to_a_closed_number)
{
	struct story story = base(TRACE_WRITE_AFTER_CLOSE);

	story.record.error = EBADF;
	expect_title(&story, "12 bytes written to descriptor 4, 3.0 ms after the program had closed it");
	expect_outcome(&story, "the call failed with EBADF");
	expect_evidence(&story, "the program closed the descriptor 3.0 ms earlier");
	story.record.flags = TRACE_INCIDENT_QUARANTINE;
	expect_outcome(&story, "the call failed with EBADF, since the quarantine had parked the number");
	expect_evidence(&story, "the program closed the descriptor 3.0 ms earlier | no other socket is known to have "
				"had that number by then");
}

static void add_owner(struct story *story)
{
	struct connection *other = &story->other;

	story->has_other = true;
	other->record.protocol = TRACE_TCP;
	other->record.origin = TRACE_ACCEPT;
	other->record.opened_ns = NOW_NS - MS;
	other->record.fd = 7;
	other->local = (struct endpoint){.family = AF_INET, .port = 80, .ip = "127.0.0.1"};
	other->peer = (struct endpoint){.family = AF_INET6, .port = 5000, .ip = "::1"};
}

Test(wording, a_write_to_a_number_that_another_would_have)
{
	struct story story = base(TRACE_WRITE_TO_REUSED_FD);
	char *owner;

	add_owner(&story);
	story.record.error = EBADF;
	story.record.flags = TRACE_INCIDENT_QUARANTINE;
	expect_title(&story, "12 bytes written to descriptor 4, 3.0 ms after the program had closed it; without the "
			     "quarantine another socket would have received them");
	expect_outcome(&story, "the call failed with EBADF, since the quarantine had parked the number");
	owner = wording_owner(&story);
	cr_expect_str_eq(owner, "tcp 127.0.0.1:80 -> [::1]:5000, descriptor 7, accepted 1.0 ms earlier");
	free(owner);
}

Test(wording, a_write_to_a_number_that_another_has)
{
	struct story story = base(TRACE_WRITE_TO_REUSED_FD);

	story.record.error = 0;
	story.record.outcome = TRACE_DELIVERED;
	expect_title(&story, "12 bytes written to descriptor 4, 3.0 ms after the program had closed it: delivered to "
			     "whatever the descriptor now refers to");
	add_owner(&story);
	expect_title(&story, "12 bytes written to descriptor 4, 3.0 ms after the program had closed it: delivered to "
			     "another socket");
	expect_outcome(&story, "the call went to the wrong socket");
}

Test(wording, a_double_close)
{
	struct story story = base(TRACE_DOUBLE_CLOSE);

	story.record.error = EBADF;
	expect_title(&story, "descriptor 4 closed again, 3.0 ms after the program had closed it");
	story.record.flags = TRACE_INCIDENT_QUARANTINE;
	add_owner(&story);
	expect_title(&story,
		"descriptor 4 closed again, 3.0 ms after the program had closed it; without the quarantine "
		"another socket would have been closed");
}

Test(wording, a_close_that_throws_bytes_away)
{
	struct story story = base(TRACE_LOST_ON_CLOSE);

	story.record.told_call[0] = '\0';
	story.record.outcome = TRACE_LOST;
	story.record.bytes_lost = 30;
	expect_title(&story, "closing discarded 30 bytes that the peer's TCP had not acknowledged");
	expect_evidence(&story, "unread input turned the close into a reset");
	story.record.flags = TRACE_INCIDENT_LINGER;
	expect_evidence(&story, "SO_LINGER with a time of 0 turned the close into a reset");
	strcpy(story.record.call, "exit");
	expect_title(&story, "the end of the process discarded 30 bytes that the peer's TCP had not acknowledged");
	expect_outcome(&story, "the writes of these bytes had reported success");
}

Test(wording, a_write_after_the_own_shutdown)
{
	struct story story = base(TRACE_WRITE_AFTER_SHUTDOWN);

	expect_title(&story, "12 bytes written 3.0 ms after the program had shut down its writing half");
}

/* --- The rest ----------------------------------------------------------------------------------------------------- */

Test(wording, a_goodbye)
{
	struct story story = base(TRACE_WRITE_AFTER_PEER_CLOSE);

	story.record.flags = TRACE_INCIDENT_FAREWELL;
	expect_title(&story,
		"a protocol's goodbye of 12 bytes written 2.0 ms after the program had been told that the peer closed");
}

Test(wording, a_write_that_a_runtime_dropped)
{
	struct story story = base(TRACE_DROPPED_BY_FRAMEWORK);

	story.record.error = 0;
	story.record.told_call[0] = '\0';
	story.note = (struct text){.bytes = "lost: reset by peer\nprotocol: Echo", .length = 34};
	story.socket.record.connected_ns = story.record.first_ns - 1000;
	expect_title(&story, "the runtime silently dropped 12 bytes: the connection was already closed");
	story.socket.record.connected_ns = story.record.first_ns + 1000;
	expect_title(&story, "the runtime silently dropped 12 bytes: the connection was not established yet");
	story.socket.record.protocol = TRACE_UDP;
	expect_title(&story, "the runtime silently dropped 12 bytes: the port was already closed");
	expect_outcome(&story, "the runtime made no system call: nothing was sent");
	expect_evidence(&story, "lost: reset by peer | protocol: Echo");
}

Test(wording, a_write_before_there_was_a_connection)
{
	struct story story = base(TRACE_WRITE_BEFORE_CONNECT);

	expect_title(&story, "12 bytes written to a socket that was not connected");
	story.socket.record.flags = TRACE_SOCKET_LISTENS;
	expect_title(&story, "12 bytes written to a listening socket");
	story.record.flags = TRACE_INCIDENT_CONNECTING;
	expect_title(&story, "12 bytes written while the connection was still being established");
}

Test(wording, a_datagram_refused_for_an_earlier_one)
{
	struct story story = untold(TRACE_WRITE_AFTER_RESET);

	story.socket.record.protocol = TRACE_UDP;
	story.record.flags = TRACE_INCIDENT_ICMP;
	story.record.error = ECONNREFUSED;
	story.record.disconnect_ns = NOW_NS;
	expect_title(&story, "12 bytes written, and refused: an ICMP error had come back for an earlier datagram");
	expect_evidence(&story, "the ICMP error was reported by this very call, which sent nothing");
}

Test(wording, a_local_peer_is_no_tcp)
{
	struct story story = untold(TRACE_WRITE_AFTER_PEER_CLOSE);

	story.socket.record.protocol = TRACE_UNIX_STREAM;
	story.record.flags = TRACE_INCIDENT_PEER_SHUTDOWN;
	story.record.disconnect_ns = NOW_NS;
	story.record.outcome = TRACE_DELIVERED;
	expect_title(&story, "12 bytes written to a connection whose peer had shut down its end");
	expect_outcome(&story, "the peer's socket took the bytes: it had shut down its sending half only");
}

Test(wording, names_the_peers_program)
{
	struct story story = untold(TRACE_WRITE_AFTER_PEER_CLOSE);

	cr_expect_null(wording_peer(&story));
	story.socket.record.peer_pid = 11;
	expect_peer(&story, "pid 11, as the kernel names it");
	story.peer_process = &server;
	expect_peer(&story, "server (pid 11), as the kernel names it");
	story.has_peer = true;
	story.peer.process = &server;
	server.end = PROCESS_EXITED;
	expect_peer(&story, "held by server (pid 11), which never closed it");
	story.peer_ended_ns = NOW_NS - 4 * MS;
	expect_peer(&story, "closed by server (pid 11), 4.0 ms earlier");
	expect_title(&story, "12 bytes written 4.0 ms after the peer had closed, unknown to the program");
	story.peer.process = &program;
	expect_peer(&story, "closed by this same process, 4.0 ms earlier");
}
