/* read.c: what a read tells the program, and what it does not. */
#include "shim/audit/audit_closed.h"
#include "tests/unit/shim/audit/fixture.h"

TestSuite(read, .init = audit_set_up, .fini = fixture_end);

static bool is_told(int fd)
{
	return fixture_socket(fd)->state & SOCKET_TOLD;
}

Test(read, bytes_are_booked_once)
{
	struct pair pair = connect_tcp();

	cr_assert(send(pair.theirs, "abc", 3, 0) == 3);
	wait_until(pair.ours, POLLIN);
	cr_expect(audited_recv(pair.ours, 8, MSG_PEEK) == 3);
	cr_expect(record_of(pair.ours)->bytes_received == 0);
	cr_expect(audited_recv(pair.ours, 8, 0) == 3);
	cr_expect(record_of(pair.ours)->bytes_received == 3 && !is_told(pair.ours));
}

Test(read, of_the_end_tells)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect(is_told(pair.ours));
	cr_expect_str_eq(record_of(pair.ours)->told_call, "recv");
	cr_expect(record_of(pair.ours)->told_ns && record_of(pair.ours)->peer_closed_ns);
	cr_expect(record_of(pair.ours)->reset_ns == 0 && record_of(pair.ours)->end_error == 0);
}

Test(read, into_an_empty_buffer_tells_nothing)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	cr_expect(audited_recv(pair.ours, 0, 0) == 0);
	cr_expect_not(is_told(pair.ours));
}

Test(read, of_a_half_that_the_program_shut_itself_tells_nothing)
{
	struct pair pair = connect_tcp();

	audited_shutdown(pair.ours, SHUT_RD);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect_not(is_told(pair.ours));
	cr_expect(record_of(pair.ours)->peer_closed_ns == 0);
}

Test(read, refused_by_a_reset_tells_and_says_why)
{
	struct pair pair = connect_tcp();

	peer_resets(&pair);
	cr_expect(audited_recv(pair.ours, 8, 0) == -1 && errno == ECONNRESET);
	cr_expect(is_told(pair.ours));
	cr_expect(record_of(pair.ours)->end_error == ECONNRESET && record_of(pair.ours)->reset_ns);
}

Test(read, of_nothing_yet_tells_nothing)
{
	struct pair pair = connect_tcp();

	cr_expect(audited_recv(pair.ours, 8, 0) == -1 && errno == EAGAIN);
	cr_expect_not(is_told(pair.ours));
	cr_expect(record_of(pair.ours)->end_error == 0);
}

/* The first to tell is the one that counts. */
Test(read, that_finds_the_end_again_changes_nothing)
{
	struct pair pair = connect_tcp();
	uint64_t told_ns;

	peer_closes(&pair);
	audited_poll(pair.ours, POLLRDHUP);
	told_ns = record_of(pair.ours)->told_ns;
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect_str_eq(record_of(pair.ours)->told_call, "poll");
	cr_expect(told_ns && record_of(pair.ours)->told_ns == told_ns);
}

Test(read, of_an_empty_packet_is_no_end)
{
	struct pair pair = make_unix_pair(SOCK_SEQPACKET);

	cr_assert(send(pair.theirs, "", 0, 0) == 0);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect_not(is_told(pair.ours));
	cr_assert(audited_close(pair.theirs) == 0);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect(is_told(pair.ours));
}

Test(read, of_an_empty_datagram_is_no_end)
{
	struct pair pair = make_unix_pair(SOCK_DGRAM);

	cr_assert(send(pair.theirs, "", 0, 0) == 0);
	cr_expect(audited_recv(pair.ours, 8, 0) == 0);
	cr_expect_not(is_told(pair.ours));
}

/* A program that connects without waiting, and reads. */
Test(read, of_bytes_proves_that_the_connection_stands)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), theirs;
	int fd = audited_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);

	cr_assert(audited_connect(fd, &address, sizeof(address)) == -1 && errno == EINPROGRESS);
	cr_assert(!(fixture_socket(fd)->state & SOCKET_CONNECTED));
	theirs = accept(listener, NULL, NULL);
	cr_assert(send(theirs, "x", 1, 0) == 1);
	wait_until(fd, POLLIN);
	cr_expect(audited_recv(fd, 8, 0) == 1);
	cr_expect(fixture_socket(fd)->state & SOCKET_CONNECTED);
	cr_expect(!(fixture_socket(fd)->state & SOCKET_CONNECTING) && record_of(fd)->connected_ns);
}

Test(read, of_a_connect_that_failed_proves_nothing)
{
	struct sockaddr_in address = dead_address();
	int fd = audited_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);

	cr_assert(audited_connect(fd, &address, sizeof(address)) == -1 && errno == EINPROGRESS);
	wait_until(fd, POLLHUP);
	cr_expect(audited_recv(fd, 8, 0) == -1 && errno == ECONNREFUSED);
	cr_expect(audited_recv(fd, 8, 0) == 0, "the kernel shows an end of what never stood");
	cr_expect(!(fixture_socket(fd)->state & SOCKET_CONNECTED) && record_of(fd)->connected_ns == 0);
}

/* ---- while another thread closes the number ---- */

Test(read, whose_number_changed_hands_is_booked_nowhere)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	struct audit_read read;

	cr_assert(audit_read_begin(&read, &recv_hook, pair.ours, false, 0));
	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	audit_read_end(&read, 5);
	cr_expect(record->bytes_received == 0 && record_of(pair.ours)->bytes_received == 0);
	cr_expect(stale_count() == 1);
}

Test(read, whose_number_changed_hands_with_the_end_tells_nobody)
{
	struct pair pair = connect_tcp();
	struct audit_read read;

	cr_assert(audit_read_begin(&read, &recv_hook, pair.ours, false, 0));
	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	audit_read_end(&read, 0);
	cr_expect_not(is_told(pair.ours));
	errno = EAGAIN;
	cr_assert(audit_read_begin(&read, &recv_hook, pair.ours, false, 0));
	audit_read_end(&read, -1);
	cr_expect(stale_count() == 1, "EAGAIN told nothing");
}

Test(read, whose_bytes_came_before_the_close_is_booked)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *record = record_of(pair.ours);
	struct audit_read read;

	cr_assert(audit_read_begin(&read, &recv_hook, pair.ours, false, 0));
	cr_assert(audited_close(pair.ours) == 0);
	audit_read_end(&read, 5);
	cr_expect(record->bytes_received == 5 && stale_count() == 0);
}

/* ---- descriptors that come with a message ---- */

Test(read, what_was_known_of_a_received_number_is_void)
{
	struct pair carrier = make_unix_pair(SOCK_STREAM);
	struct pair passed = make_unix_pair(SOCK_STREAM);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	char byte = 'x';
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control};
	int fd;

	message.msg_controllen = sizeof(control);
	memcpy(CMSG_DATA(&control.header), &passed.ours, sizeof(int));
	cr_assert(sendmsg(carrier.theirs, &message, 0) == 1);
	cr_assert(recvmsg(carrier.ours, &message, 0) == 1);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
	socket_table_set_other(fd); /* a file had this number, and was closed where no hook could see */
	audit_received_message(&message);
	cr_expect(socket_entry_kind(socket_table_entry(fd)) == ENTRY_PASSED);
	cr_expect(audited_send(fd, 5) == 5);
	cr_expect(record_of(passed.ours)->bytes_sent == 5, "by its cookie it is the same socket");
}
