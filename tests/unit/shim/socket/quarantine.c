/*
 * quarantine.c: which closed numbers are kept, for how long, and whose they would be by now; also from several
 * threads.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_open.h"
#include "shim/socket/quarantine.h"
#include "tests/unit/shim/fixture.h"

static void limit_to(rlim_t most)
{
	struct rlimit limit;

	cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = most;
	cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void set_up(void)
{
	fixture_begin(1 << 20);
	config.quarantine = 4;
	limit_to(1024);
}

TestSuite(quarantine, .init = set_up, .fini = fixture_end);

/* A socket that the table knows. Its other end, too, is the caller's. */
static int open_socket(int *other)
{
	int fds[2];

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	audit_made_pair(fds, AF_UNIX, SOCK_STREAM, 0);
	if (other)
		*other = fds[1];
	return fds[0];
}

/* The same, moved to a number of the test's choice. */
static void open_socket_at(int number)
{
	int fd = open_socket(NULL);

	cr_assert(dup2(fd, number) == number);
	audit_duplicated(fd, number, socket_table_now());
}

/* What the hook of close does. Returns whether the number is kept. */
static bool close_socket(int fd)
{
	bool last;

	cr_assert_not_null(fixture_close(fd, &last));
	if (quarantine_close(fd))
		return true;
	cr_assert(close(fd) == 0);
	return false;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* ---- keeping ---- */

Test(quarantine, nothing_is_kept_unless_asked_for)
{
	int fd = open_socket(NULL);

	config.quarantine = 0;
	cr_expect_not(close_socket(fd));
	cr_expect_not(quarantine_holds(fd));
	cr_expect_not(quarantine_is_used());
	cr_expect_not(is_open(fd));
}

Test(quarantine, keeps_the_number_and_closes_the_socket)
{
	int other;
	int fd = open_socket(&other);
	char byte;

	cr_expect(close_socket(fd));
	cr_expect(quarantine_holds(fd) && quarantine_is_used());
	cr_expect(read(other, &byte, 1) == 0, "the peer has not been told of the close");
	cr_expect(write(fd, "x", 1) == -1 && errno == EBADF);
	cr_expect(read(fd, &byte, 1) == -1 && errno == EBADF);
	cr_expect(send(fd, "x", 1, 0) == -1 && errno == EBADF);
	cr_expect(shutdown(fd, SHUT_RDWR) == -1 && errno == EBADF);
	cr_expect(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	cr_expect(open_socket(NULL) != fd);
}

Test(quarantine, standard_numbers_are_not_kept)
{
	int saved = dup(2);

	open_socket_at(2);
	cr_expect_not(close_socket(2));
	cr_expect_not(is_open(2));
	cr_assert(dup2(saved, 2) == 2);
}

Test(quarantine, a_socket_that_lingers_is_not_kept)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	audit_made_socket(fd, AF_INET, SOCK_STREAM, 0);
	cr_assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	cr_expect_not(close_socket(fd));
	cr_expect_not(is_open(fd));
}

Test(quarantine, the_oldest_goes_when_there_are_enough)
{
	int fds[6];

	for (int i = 0; i < 6; i++)
		fds[i] = open_socket(NULL);
	for (int i = 0; i < 6; i++)
		cr_expect(close_socket(fds[i]));
	for (int i = 0; i < 6; i++) {
		cr_expect(quarantine_holds(fds[i]) == (i >= 2), "number %d", i);
		cr_expect(is_open(fds[i]) == (i >= 2), "number %d", i);
		cr_expect(socket_entry_is_closed(socket_table_entry(fds[i])));
	}
}

Test(quarantine, never_more_than_an_eighth_of_the_limit)
{
	int fds[6];

	config.quarantine = 1000;
	for (int i = 0; i < 6; i++)
		fds[i] = open_socket(NULL);
	limit_to(32);
	for (int i = 0; i < 6; i++)
		cr_expect(close_socket(fds[i]));
	for (int i = 0; i < 6; i++)
		cr_expect(quarantine_holds(fds[i]) == (i >= 2), "number %d", i);
}

Test(quarantine, high_numbers_are_not_kept)
{
	limit_to(128);
	open_socket_at(95);
	open_socket_at(96);
	cr_expect(close_socket(95));
	cr_expect_not(close_socket(96));
	cr_expect(quarantine_holds(95));
}

/* ---- giving back ---- */

Test(quarantine, gives_half_back_when_descriptors_run_out)
{
	int fds[4];

	for (int i = 0; i < 4; i++)
		fds[i] = open_socket(NULL);
	for (int i = 0; i < 4; i++)
		cr_expect(close_socket(fds[i]));
	cr_expect(quarantine_give_back());
	for (int i = 0; i < 4; i++)
		cr_expect(is_open(fds[i]) == (i >= 2));
	cr_expect(quarantine_give_back() && quarantine_give_back());
	cr_expect_not(quarantine_is_used());
	quarantine_give_back(); /* once more, since something had changed */
	cr_expect_not(quarantine_give_back());
	cr_expect(trace_log_process()->coverage & TRACE_LOW_DESCRIPTORS);
}

/* A lower limit than when they were kept: only a number below it makes room. */
Test(quarantine, gives_back_what_is_of_use)
{
	int low = open_socket(NULL);

	open_socket_at(100);
	open_socket_at(101);
	cr_expect(close_socket(100) && close_socket(101) && close_socket(low));
	limit_to(64);
	cr_expect(quarantine_give_back());
	cr_expect_not(is_open(low));
}

Test(quarantine, gives_all_back)
{
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = open_socket(NULL);
	for (int i = 0; i < 3; i++)
		cr_expect(close_socket(fds[i]));
	quarantine_give_back_all();
	for (int i = 0; i < 3; i++)
		cr_expect_not(is_open(fds[i]));
	cr_expect_not(quarantine_is_used());
}

/* ---- the program's own will ---- */

Test(quarantine, what_was_let_go_is_not_released)
{
	int fd = open_socket(NULL);
	int null = open("/dev/null", O_RDONLY);

	cr_expect(close_socket(fd));
	cr_expect(quarantine_let_go(fd));
	cr_expect_not(quarantine_let_go(fd));
	cr_expect_not(quarantine_holds(fd));
	cr_assert(dup2(null, fd) == fd);
	quarantine_give_back_all();
	cr_expect(is_open(fd), "the program's own descriptor was closed");
}

Test(quarantine, takes_back_what_was_not_used)
{
	int fd = open_socket(NULL);

	cr_expect(close_socket(fd));
	cr_expect(quarantine_let_go(fd));
	quarantine_take_back(fd);
	cr_expect(quarantine_holds(fd));
	quarantine_give_back_all();
	cr_expect_not(is_open(fd));
	quarantine_take_back(fd);
	cr_expect_not(quarantine_is_used());
}

Test(quarantine, a_number_that_was_used_unseen_is_not_touched)
{
	int replaced = open_socket(NULL);
	int closed = open_socket(NULL);
	int null = open("/dev/null", O_RDONLY);

	cr_expect(close_socket(replaced) && close_socket(closed));
	cr_assert(dup2(null, replaced) == replaced && close(closed) == 0);
	cr_expect_not(quarantine_holds(replaced));
	cr_expect_not(quarantine_holds(closed));
	quarantine_give_back_all();
	cr_expect(is_open(replaced));
	cr_expect_not(quarantine_is_used());
}

/* ---- owners ---- */

Test(quarantine, names_who_would_have_the_number)
{
	int first = open_socket(NULL);
	int second = open_socket(NULL);
	int new, newer;

	cr_expect(close_socket(second) && close_socket(first));
	cr_expect(quarantine_owner(first).record == 0);
	new = open_socket(&newer);
	/* the kernel gives the lowest number first */
	cr_expect(quarantine_owner(first).record == trace_log_ref(fixture_socket(new)->record));
	cr_expect(quarantine_owner(second).record == trace_log_ref(fixture_socket(newer)->record));
	cr_expect(quarantine_owner(new).record == 0);
	quarantine_drop_owner(fixture_socket(new)->record);
	cr_expect(quarantine_owner(first).record == 0);
	cr_expect(quarantine_owner(second).record == trace_log_ref(fixture_socket(newer)->record));
	new = open_socket(NULL);
	cr_expect(quarantine_owner(first).record == trace_log_ref(fixture_socket(new)->record));
}

Test(quarantine, a_lower_number_owns_nothing)
{
	int low = dup(2);
	int fd = open_socket(NULL);
	int new;

	cr_expect(close_socket(fd));
	cr_assert(close(low) == 0);
	new = open_socket(NULL);
	cr_expect(new == low);
	cr_expect(quarantine_owner(new).record == 0);
}

Test(quarantine, a_forked_child_has_the_numbers_but_not_the_owners)
{
	int fd = open_socket(NULL);
	int status;
	pid_t child;

	cr_expect(close_socket(fd));
	open_socket(NULL);
	cr_expect(quarantine_owner(fd).record != 0);
	child = fork();
	if (child == 0) {
		bool well;

		quarantine_forked();
		well = quarantine_holds(fd) && !quarantine_owner(fd).record;
		quarantine_give_back_all();
		_exit(well && !is_open(fd) ? 0 : 1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(status == 0);
	cr_expect(quarantine_holds(fd) && is_open(fd));
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 1000 / FIXTURE_SLOWER };

/* Each has sockets of its own, whose numbers no other thread may take away. */
static void *open_and_close(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		int other;
		int fd = open_socket(&other);

		cr_assert(write(fd, "x", 1) == 1);
		close_socket(fd);
		cr_assert(write(other, "x", 1) == -1 && errno == EPIPE);
		if (i % 7 == 0)
			quarantine_give_back();
		close_socket(other);
	}
	return NULL;
}

Test(quarantine, threads)
{
	pthread_t threads[THREADS];
	int before = dup(2);

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	quarantine_give_back_all();
	cr_assert(close(before) == 0);
	cr_expect(dup(2) == before, "numbers are still taken");
	for (int fd = before + 1; fd < 1024; fd++)
		cr_expect_not(is_open(fd) && quarantine_holds(fd));
}
