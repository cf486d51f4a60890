/* kept.c: what the program sees of a number in the quarantine, and what its use comes to. */
#include "shim/audit/audit_kept.h"

#include <sys/select.h>

#include "shim/socket/quarantine.h"
#include "tests/unit/shim/audit/fixture.h"

static void set_up(void)
{
	audit_set_up();
	config.quarantine = 4;
}

TestSuite(kept, .init = set_up, .fini = fixture_end);

static int kept_number(void)
{
	struct pair pair = make_unix_pair(SOCK_STREAM);

	cr_assert(audited_close(pair.ours) == 0);
	cr_assert(audit_is_kept(pair.ours));
	return pair.ours;
}

/* ---- its use ---- */

Test(kept, a_write_is_one_after_the_close)
{
	int fd = kept_number();
	struct trace_incident incident;

	cr_expect(audited_send(fd, 5) == -1 && errno == EBADF);
	incident = expect_incident(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD);
	cr_expect(incident.flags & TRACE_INCIDENT_QUARANTINE);
}

/* The socket that was made next would have the number by now. */
Test(kept, a_write_would_have_reached_the_next_socket)
{
	int fd = kept_number();
	struct trace_incident incident;
	int next = audited_socket(AF_INET, SOCK_STREAM);

	cr_expect(next > fd);
	cr_expect(audited_send(fd, 5) == -1 && errno == EBADF);
	incident = expect_incident(TRACE_WRITE_TO_REUSED_FD, TRACE_TOLD);
	cr_expect(incident.other_socket == trace_log_ref(record_of(next)));
}

Test(kept, a_write_reaches_nobody_once_the_next_socket_is_closed)
{
	int fd = kept_number();
	int next = audited_socket(AF_INET, SOCK_STREAM);

	cr_assert(audited_close(next) == 0);
	cr_expect(audited_send(fd, 5) == -1 && errno == EBADF);
	expect_incident(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD);
}

Test(kept, a_second_close_fails_as_it_would)
{
	int fd = kept_number();
	struct trace_incident incident;

	cr_expect(audited_close(fd) == -1 && errno == EBADF);
	incident = expect_incident(TRACE_DOUBLE_CLOSE, TRACE_TOLD);
	cr_expect(incident.flags & TRACE_INCIDENT_QUARANTINE);
	cr_expect(audit_is_kept(fd), "the placeholder stays");
}

Test(kept, a_close_of_an_open_number_meanwhile_succeeds)
{
	int next;

	kept_number();
	next = audited_socket(AF_INET, SOCK_STREAM);
	cr_expect(audited_close(next) == 0);
	expect_no_incident();
}

/* dup2 onto it is the program's right: the number was closed. */
Test(kept, dup2_may_take_the_number)
{
	int fd = kept_number();
	struct pair pair = make_unix_pair(SOCK_STREAM);
	struct audit_close close_;
	uint64_t turn = socket_table_now();

	audit_duplicate_over_begin(&close_, "dup2", pair.ours, fd);
	audit_duplicate_over_end(&close_, pair.ours, fd, dup2(pair.ours, fd), turn);
	cr_expect_not(audit_is_kept(fd));
	cr_expect(audited_send(fd, 5) == 5);
	expect_no_incident();
}

/* ---- what it must not show ---- */

Test(kept, select_meets_it)
{
	int fd = kept_number();
	struct pair pair = make_unix_pair(SOCK_STREAM);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	cr_expect(audit_select_meets_kept(fd + 1, &set, NULL, NULL));
	cr_expect(audit_select_meets_kept(fd + 1, NULL, NULL, &set));
	cr_expect_not(audit_select_meets_kept(fd, &set, NULL, NULL), "beyond the limit");
	FD_ZERO(&set);
	FD_SET(pair.ours, &set);
	cr_expect_not(audit_select_meets_kept(FD_SETSIZE, &set, NULL, NULL));
}

static struct msghdr message_with(int fd)
{
	static union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;

	control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return (struct msghdr){.msg_control = &control, .msg_controllen = sizeof(control)};
}

Test(kept, a_message_may_not_carry_it)
{
	struct msghdr message = message_with(kept_number());

	cr_expect(audit_passes_kept(&message));
	message = message_with(make_unix_pair(SOCK_STREAM).ours);
	cr_expect_not(audit_passes_kept(&message));
}

/* Another process may send what waits: our close loses nothing for certain. */
Test(kept, what_a_message_carried_has_another_owner)
{
	struct pair pair = connect_tcp();
	struct msghdr message = message_with(pair.ours);

	audit_sent_message(&message);
	fill(pair.ours);
	close_linger_zero(pair.ours);
	cr_assert(audited_close(pair.ours) == 0);
	expect_no_incident();
}

Test(kept, who_lists_the_descriptors_finds_none)
{
	int fd = kept_number();

	errno = 77;
	audit_opened_path("/etc/passwd");
	cr_expect(audit_is_kept(fd));
	audit_opened_path("/proc/self/fd");
	cr_expect_not(audit_is_kept(fd));
	cr_expect(errno == 77);
	cr_expect(fcntl(fd, F_GETFD) == -1 && errno == EBADF, "the placeholder has gone");
}

Test(kept, gives_way_where_numbers_run_out)
{
	int fd = kept_number();

	cr_expect_not(audit_made_room(ENFILE), "the system's own limit");
	cr_expect(audit_is_kept(fd));
	cr_expect(audit_made_room(EMFILE));
	cr_expect_not(audit_is_kept(fd));
}
