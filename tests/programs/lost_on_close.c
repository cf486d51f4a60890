/*
 * Closes a connection in a way that resets it, while bytes that it had written are still unacknowledged, because the
 * peer does not read: they are thrown away. The peer finds a reset where the rest should have come.
 *
 * lost_on_close CAUSE WAY    CAUSE: linger (SO_LINGER with a time of 0), unread (input that was never read)
 *                            WAY: close, close_range, dup2, syscall, exit; or held: the peer would read, but small
 *                            writes wait in our own TCP for the acknowledgement of the first (Nagle's algorithm)
 *
 * What looks alike and loses nothing:
 *
 * lost_on_close later WAY    no such cause: the peer reads everything after the close
 * lost_on_close CAUSE arrives  the peer has everything, though its TCP has not acknowledged it yet
 * lost_on_close CAUSE WAY    WAY: acked (all was acknowledged), drained (the peer reads it before), copy, fork, passed,
 * spawn
 *                            (somebody else still has the socket, by which the peer then gets everything), off
 *                            (SO_LINGER
 *                            is off again, or the input is read), failed (a dup2 that fails closes nothing)
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>

extern char **environ;

enum { LENGTH = 4 << 20 };

static char bytes[LENGTH];

static int unacknowledged(int fd)
{
	int unsent = 0;

	CHECK(ioctl(fd, SIOCOUTQ, &unsent) == 0);
	return unsent;
}

static size_t write_more_than_fits(int fd)
{
	ssize_t result = send(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	CHECK(result > 0 && result < LENGTH && unacknowledged(fd) > 0);
	return (size_t)result;
}

static void read_all(int fd, size_t length)
{
	while (length > 0) {
		ssize_t count = read(fd, bytes, sizeof bytes);

		CHECK(count > 0);
		length -= (size_t)count;
	}
}

/* The peer has less than was sent, and a reset. */
static void expect_reset(int fd, size_t sent)
{
	size_t length = 0;
	ssize_t count;

	while ((count = read(fd, bytes, sizeof bytes)) > 0)
		length += (size_t)count;
	CHECK(count == -1 && errno == ECONNRESET && length < sent);
}

static void expect_all(int fd, size_t sent)
{
	read_all(fd, sent);
	CHECK(read(fd, bytes, 1) == 0);
}

SITE void cause_linger(struct ends ends, bool on)
{
	struct linger now = {.l_onoff = on, .l_linger = 0};

	CHECK(setsockopt(ends.ours, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
}

static void cause_unread(struct ends ends, bool on)
{
	if (on) {
		CHECK(write(ends.theirs, "unread", 6) == 6);
		wait_for_input(ends.ours, 6);
	} else {
		read_all(ends.ours, 6);
	}
}

SITE void close_with_loss(int fd, const char *way)
{
	if (same(way, "close"))
		CHECK(close(fd) == 0);
	else if (same(way, "close_range"))
		CHECK(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
	else if (same(way, "syscall"))
		CHECK(syscall(SYS_close, fd) == 0);
	else if (same(way, "dup2"))
		CHECK(dup2(2, fd) == fd && close(fd) == 0);
	else if (same(way, "exit"))
		exit(0);
	CHECK(fcntl(fd, F_GETFD) == -1);
}

/* The end of a process is its close; its parent looks on. */
static void end_with_loss(struct ends ends, void (*cause)(struct ends ends, bool on))
{
	pid_t child;

	CHECK(close(ends.ours) == 0);
	int listener = listener_open("tcp4", 1);

	child = fork();
	if (child == 0) {
		struct ends mine = {.ours = socket(AF_INET, SOCK_STREAM, 0), .theirs = ends.theirs};

		CHECK(connect_to(mine.ours, listener) == 0);
		if (cause == cause_linger)
			cause_linger(mine, true);
		else
			wait_for_input(mine.ours, 6);
		write_more_than_fits(mine.ours);
		close_with_loss(mine.ours, "exit");
	}
	int accepted = accept(listener, NULL, NULL);

	CHECK(accepted >= 0);
	if (cause == cause_unread)
		CHECK(write(accepted, "unread", 6) == 6);
	child_succeeds(child);
	expect_reset(accepted, LENGTH);
}

static pid_t start_program_that_waits(int *channel)
{
	char *const command[] = {"/bin/cat", NULL};
	posix_spawn_file_actions_t actions;
	pid_t child = -1;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, fds[0], 0) == 0);
	CHECK(posix_spawn(&child, command[0], &actions, NULL, command, environ) == 0);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0 && close(fds[0]) == 0);
	*channel = fds[1];
	return child;
}

static void lose_nothing(struct ends ends, const char *way, void (*cause)(struct ends ends, bool on), size_t sent)
{
	struct ends channel = ends_open("pair");
	pid_t child = 0;

	if (same(way, "acked") || same(way, "drained")) {
		read_all(ends.theirs, sent);
		wait_for_acknowledgement(ends.ours);
		CHECK(close(ends.ours) == 0);
		return;
	}
	if (same(way, "off")) {
		cause(ends, false);
		CHECK(close(ends.ours) == 0);
		expect_all(ends.theirs, sent);
		return;
	}
	if (same(way, "failed")) {
		CHECK_FAILS(dup2(999, ends.ours), EBADF);
		read_all(ends.theirs, sent);
		CHECK(close(ends.ours) == 0);
		return;
	}
	if (same(way, "copy"))
		CHECK(dup(ends.ours) >= 0);
	else if (same(way, "passed"))
		CHECK(pass_descriptor(channel.ours, ends.ours) == 1);
	else if (same(way, "spawn"))
		child = start_program_that_waits(&channel.ours);
	else
		child = fork();
	if (child == 0 && same(way, "fork")) {
		CHECK(read(channel.theirs, bytes, 1) == 1);
		_exit(0);
	}
	CHECK(close(ends.ours) == 0);
	read_all(ends.theirs, sent);
	if (same(way, "spawn"))
		CHECK(close(channel.ours) == 0);
	else
		CHECK(write(channel.ours, "x", 1) == 1);
	if (child)
		child_succeeds(child);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 2);
	static const char *const losing[] = {"close", "close_range", "dup2", "syscall"};
	void (*cause)(struct ends ends, bool on) =
		same(argument(argc, argv, 1), "linger") ? cause_linger : cause_unread;
	struct ends ends = ends_open("tcp4");
	int off = 0;

	if (same(way, "exit")) {
		end_with_loss(ends, cause);
		return 0;
	}
	if (same(way, "arrives") || same(way, "held")) {
		cause(ends, true);
		CHECK(setsockopt(ends.theirs, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off) == 0);
		for (int i = 0; i < (same(way, "held") ? 7 : 1); i++)
			CHECK(write(ends.ours, "answer", 6) == 6);
		CHECK(unacknowledged(ends.ours) > 0);
		close_with_loss(ends.ours, "close");
		read_all(ends.theirs, 6);
		CHECK_FAILS(read(ends.theirs, bytes, 1), ECONNRESET);
		return 0;
	}
	if (same(argument(argc, argv, 1), "later")) {
		size_t sent = write_more_than_fits(ends.ours);

		close_with_loss(ends.ours, way);
		expect_all(ends.theirs, sent);
		return 0;
	}
	cause(ends, true);
	size_t sent = write_more_than_fits(ends.ours);

	for (size_t i = 0; i < sizeof losing / sizeof *losing; i++)
		if (same(way, losing[i])) {
			close_with_loss(ends.ours, way);
			expect_reset(ends.theirs, sent);
			return 0;
		}
	lose_nothing(ends, way, cause, sent);
	return 0;
}
