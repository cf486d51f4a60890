/* told.c: which answers of poll, select, SO_ERROR and FIONREAD tell the program of an end. */
#include <sys/ioctl.h>
#include <sys/select.h>

#include "tests/unit/shim/audit/fixture.h"

static const struct hook select_hook = {"select", NULL};
static const struct hook getsockopt_hook = {"getsockopt", NULL};
static const struct hook ioctl_hook = {"ioctl", NULL};

TestSuite(told, .init = audit_set_up, .fini = fixture_end);

static bool is_told(int fd)
{
	return fixture_socket(fd)->state & SOCKET_TOLD;
}

static void audited_select(int fd)
{
	fd_set readable;
	struct timeval now = {0, 0};
	uint64_t turn = socket_table_now();

	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	cr_assert(select(fd + 1, &readable, NULL, NULL, &now) == 1);
	audit_selected(&select_hook, fd + 1, &readable, turn);
}

static int audited_error(int fd)
{
	uint64_t turn = audit_before(fd);
	int error = 0;
	socklen_t length = sizeof(error);

	cr_assert(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
	audit_read_error(&getsockopt_hook, fd, error, turn);
	return error;
}

static int audited_readable(int fd)
{
	uint64_t turn = audit_before(fd);
	int bytes = -1;

	cr_assert(ioctl(fd, FIONREAD, &bytes) == 0);
	audit_counted_readable(&ioctl_hook, fd, bytes, turn);
	return bytes;
}

/* ---- poll ---- */

Test(told, by_a_poll_that_says_so)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	audited_poll(pair.ours, POLLIN | POLLRDHUP);
	cr_expect(is_told(pair.ours));
	cr_expect_str_eq(record_of(pair.ours)->told_call, "poll");
	audited_send(pair.ours, 5);
	expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD);
}

Test(told, not_by_a_poll_that_says_readable)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	audited_poll(pair.ours, POLLIN);
	cr_expect_not(is_told(pair.ours));
	audited_send(pair.ours, 5);
	expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
}

Test(told, by_a_poll_that_says_hangup_of_a_reset)
{
	struct pair pair = connect_tcp();

	peer_resets(&pair);
	audited_poll(pair.ours, POLLIN);
	cr_expect(is_told(pair.ours) && record_of(pair.ours)->reset_ns);
}

/* As of a notice in the error queue (MSG_ZEROCOPY). */
Test(told, not_by_an_error_without_an_end)
{
	struct pair pair = connect_tcp();
	struct pollfd poll_ = {.fd = pair.ours, .events = POLLIN, .revents = POLLERR};

	audit_polled(&poll_hook, &poll_, 1, socket_table_now());
	cr_expect_not(is_told(pair.ours));
}

Test(told, not_of_the_programs_own_shutdown)
{
	struct pair pair = connect_tcp();

	audited_shutdown(pair.ours, SHUT_RD);
	audited_poll(pair.ours, POLLIN | POLLRDHUP);
	cr_expect_not(is_told(pair.ours));
}

/* The wait was begun before the number got its socket: it told of what had the number then. */
Test(told, not_by_a_wait_that_is_older_than_the_socket)
{
	uint64_t turn = socket_table_now();
	struct pair pair = connect_tcp();
	struct pollfd poll_ = {.fd = pair.ours, .events = POLLRDHUP, .revents = POLLRDHUP};

	audit_polled(&poll_hook, &poll_, 1, turn);
	cr_expect_not(is_told(pair.ours));
	audit_polled(&poll_hook, &poll_, 1, socket_table_now());
	cr_expect(is_told(pair.ours));
}

/* ---- select ---- */

Test(told, by_a_select_that_can_have_meant_nothing_but_the_end)
{
	struct pair pair = connect_tcp();
	struct trace_incident incident;

	peer_closes(&pair);
	audited_select(pair.ours);
	cr_expect_not(is_told(pair.ours), "it may have been input");
	audited_send(pair.ours, 5);
	incident = expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD);
	cr_expect_str_eq(incident.told_call, "select");
}

Test(told, not_by_a_select_that_meant_input)
{
	struct pair pair = connect_tcp();

	cr_assert(send(pair.theirs, "x", 1, 0) == 1);
	peer_closes(&pair);
	audited_select(pair.ours);
	audited_send(pair.ours, 5);
	expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
}

/* What select said was of the bytes that were read since. */
Test(told, not_by_a_select_after_which_the_program_has_read)
{
	struct pair pair = connect_tcp();

	cr_assert(send(pair.theirs, "x", 1, 0) == 1);
	peer_closes(&pair);
	audited_select(pair.ours);
	cr_expect(audited_recv(pair.ours, 1, 0) == 1);
	audited_send(pair.ours, 5);
	expect_incident(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL);
}

/* ---- asking ---- */

Test(told, by_the_error_of_the_socket)
{
	struct pair pair = connect_tcp();

	peer_resets(&pair);
	cr_expect(audited_error(pair.ours) == ECONNRESET);
	cr_expect(is_told(pair.ours) && record_of(pair.ours)->end_error == ECONNRESET);
	cr_expect_str_eq(record_of(pair.ours)->told_call, "getsockopt");
}

Test(told, not_by_an_error_of_none)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	cr_expect(audited_error(pair.ours) == 0);
	cr_expect_not(is_told(pair.ours));
}

Test(told, by_nothing_to_read_where_poll_said_readable)
{
	struct pair pair = connect_tcp();

	peer_closes(&pair);
	audited_poll(pair.ours, POLLIN);
	cr_expect(audited_readable(pair.ours) == 0);
	cr_expect(is_told(pair.ours));
	cr_expect_str_eq(record_of(pair.ours)->told_call, "ioctl");
}

Test(told, not_by_nothing_to_read_alone)
{
	struct pair pair = connect_tcp();

	cr_expect(audited_readable(pair.ours) == 0);
	cr_expect_not(is_told(pair.ours));
}

/* Another thread closed the number and it means another connection: the question was of one that nobody can name. */
Test(told, not_by_the_error_of_a_number_that_changed_hands)
{
	struct pair pair = connect_tcp();
	uint64_t turn = audit_before(pair.ours);

	cr_assert(audited_close(pair.ours) == 0);
	reopen_as(pair.ours);
	audit_read_error(&getsockopt_hook, pair.ours, ECONNRESET, turn);
	cr_expect_not(is_told(pair.ours));
	cr_expect(stale_count() == 1);
}
