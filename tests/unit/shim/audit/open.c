/* open.c: sockets that are made, connected, refused, taken apart and used again, accepted, shut. */
#include <netinet/tcp.h>

#include "shim/audit/audit_fate.h"
#include "tests/unit/shim/audit/fixture.h"

TestSuite(open, .init = audit_set_up, .fini = fixture_end);

static uint32_t state_of(int fd)
{
	return fixture_socket(fd)->state;
}

/* ---- connect ---- */

Test(open, a_connect_that_succeeds)
{
	struct pair pair = connect_tcp();

	cr_expect(state_of(pair.ours) & SOCKET_CONNECTED && record_of(pair.ours)->connected_ns);
	cr_expect(record_of(pair.ours)->origin == TRACE_CONNECT);
	cr_expect(record_of(pair.ours)->peer.port && record_of(pair.ours)->local.port);
}

Test(open, a_connect_that_is_refused)
{
	struct sockaddr_in address = dead_address();
	int fd = audited_socket(AF_INET, SOCK_STREAM);

	cr_assert(audited_connect(fd, &address, sizeof(address)) == -1 && errno == ECONNREFUSED);
	cr_expect_not(state_of(fd) & (SOCKET_CONNECTED | SOCKET_TOLD));
	cr_expect(record_of(fd)->peer.port == ntohs(address.sin_port), "whom it was meant for");
	audited_send(fd, 5);
	expect_incident(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD);
}

Test(open, a_connect_that_is_pending_until_poll_shows_that_it_stands)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	int fd = audited_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);

	cr_assert(audited_connect(fd, &address, sizeof(address)) == -1 && errno == EINPROGRESS);
	cr_expect((state_of(fd) & (SOCKET_CONNECTING | SOCKET_CONNECTED)) == SOCKET_CONNECTING);
	wait_until(fd, POLLOUT);
	audited_poll(fd, POLLOUT);
	cr_expect((state_of(fd) & (SOCKET_CONNECTING | SOCKET_CONNECTED)) == SOCKET_CONNECTED);
	cr_expect(audited_send(fd, 5) == 5);
	expect_no_incident();
	close(listener);
}

Test(open, a_connect_that_was_pending_and_is_refused)
{
	struct sockaddr_in address = dead_address();
	int fd = audited_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);

	cr_assert(audited_connect(fd, &address, sizeof(address)) == -1 && errno == EINPROGRESS);
	wait_until(fd, POLLHUP);
	audited_poll(fd, POLLOUT);
	cr_expect_not(state_of(fd) & SOCKET_CONNECTED);
	cr_expect(state_of(fd) & SOCKET_TOLD && record_of(fd)->connected_ns == 0);
}

/* ---- anew ---- */

Test(open, a_socket_that_is_dissolved_begins_anew)
{
	struct pair pair = connect_tcp();
	const struct trace_socket *first = record_of(pair.ours);
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	cr_assert(audited_send(pair.ours, 5) == 5);
	cr_assert(audited_connect(pair.ours, &nobody, sizeof(nobody)) == 0);
	cr_expect(record_of(pair.ours) != first && first->closed_ns && first->bytes_sent == 5);
	cr_expect(record_of(pair.ours)->flags & TRACE_SOCKET_CONTINUES);
	cr_expect_not(state_of(pair.ours) & (SOCKET_CONNECTED | SOCKET_TOLD));
	cr_expect(record_of(pair.ours)->bytes_sent == 0);
}

Test(open, what_was_told_of_the_first_connection_does_not_count_for_the_next)
{
	struct pair pair = connect_tcp();
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);

	peer_closes(&pair);
	cr_assert(audited_recv(pair.ours, 8, 0) == 0);
	cr_assert(audited_connect(pair.ours, &nobody, sizeof(nobody)) == 0);
	cr_assert(audited_connect(pair.ours, &address, sizeof(address)) == 0);
	cr_expect(audited_send(pair.ours, 5) == 5);
	expect_no_incident();
	close(listener);
}

Test(open, dissolving_throws_away_what_waits)
{
	struct pair pair = connect_tcp();
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct trace_incident incident;

	fill(pair.ours);
	cr_assert(audited_connect(pair.ours, &nobody, sizeof(nobody)) == 0);
	incident = expect_incident(TRACE_LOST_ON_CLOSE, TRACE_TOLD);
	cr_expect(incident.flags & TRACE_INCIDENT_DISSOLVED && incident.bytes_lost);
}

Test(open, a_result_for_a_number_that_changed_hands_connects_nobody)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	int fd = audited_socket(AF_INET, SOCK_STREAM);
	struct audit_connect connect_;

	cr_assert(audit_connect_begin(&connect_, fd, &address, sizeof(address)));
	cr_assert(audited_close(fd) == 0);
	cr_assert(audited_socket(AF_INET, SOCK_STREAM) == fd);
	audit_connect_end(&connect_, &address, sizeof(address), 0);
	cr_expect_not(state_of(fd) & SOCKET_CONNECTED);
	cr_expect(stale_count() == 1);
	close(listener);
}

/* ---- accept, listen ---- */

static int audited_listener(struct sockaddr_in *address)
{
	int fd = audited_socket(AF_INET, SOCK_STREAM);
	socklen_t length = sizeof(*address);
	uint64_t turn;

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cr_assert(bind(fd, (struct sockaddr *)address, length) == 0);
	cr_assert(getsockname(fd, (struct sockaddr *)address, &length) == 0);
	turn = audit_before(fd);
	cr_assert(listen(fd, 8) == 0);
	audit_listening(fd, turn);
	return fd;
}

Test(open, an_accepted_connection_stands_and_inherits)
{
	struct sockaddr_in address;
	int listener = audited_listener(&address), fd, on = 1, idle = 7;
	int client = socket(AF_INET, SOCK_STREAM, 0);

	audit_set_option(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on), audit_before(listener));
	audit_set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle), audit_before(listener));
	cr_assert(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	fd = accept(listener, NULL, NULL);
	audit_accepted(listener, fd);
	cr_expect(record_of(fd)->origin == TRACE_ACCEPT && state_of(fd) & SOCKET_CONNECTED);
	cr_expect(record_of(fd)->flags & TRACE_SOCKET_KEEPALIVE && record_of(fd)->keepalive_idle_s == 7);
	cr_expect_not(record_of(fd)->flags & TRACE_SOCKET_LISTENS);
	cr_expect(record_of(listener)->flags & TRACE_SOCKET_LISTENS);
}

/* A shutdown of a listener ends no connection, and the socket is as good as new. */
Test(open, a_listener_that_is_shut_has_shut_no_half)
{
	struct sockaddr_in address;
	int listener = audited_listener(&address);

	audited_shutdown(listener, SHUT_RDWR);
	cr_expect(record_of(listener)->shutdown_ns == 0);
	cr_expect_not(record_of(listener)->flags & TRACE_SOCKET_OWN_SHUTDOWN_WRITE);
}

Test(open, each_half_that_is_shut_is_noted)
{
	struct pair reading = connect_tcp(), writing = connect_tcp();

	audited_shutdown(reading.ours, SHUT_RD);
	audited_shutdown(writing.ours, SHUT_WR);
	cr_expect(record_of(reading.ours)->flags & TRACE_SOCKET_OWN_SHUTDOWN_READ);
	cr_expect_not(record_of(reading.ours)->flags & TRACE_SOCKET_OWN_SHUTDOWN_WRITE);
	cr_expect(record_of(writing.ours)->flags & TRACE_SOCKET_OWN_SHUTDOWN_WRITE);
	cr_expect(record_of(writing.ours)->shutdown_ns && record_of(reading.ours)->shutdown_ns == 0);
}

/* ---- families that nobody audits ---- */

Test(open, of_another_family_is_left_alone)
{
	int fd = audited_socket(AF_NETLINK, SOCK_RAW);
	struct audit_write write;

	cr_expect(socket_table_is_other(fd));
	cr_expect_not(begin_send(&write, fd, 5));
}
