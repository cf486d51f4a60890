/*
 * Is killed by SIGPIPE inside write_fatally, which must be in the report as the one write that was refused and fatal.
 *
 * survival_sigpipe CASE
 *   unix          the peer of a socketpair has closed
 *   second        TCP: the write after the one that was lost, which the peer's reset has answered
 *   reset         TCP: the peer reset, and a read has told
 *   unread        TCP: the peer closed, the program read the end, and its next write was lost
 *   blocked       TCP: the reset comes while the write waits for room
 *   shutdown      the program's own
 *   unconnected   TCP: no connection ever was
 *   thread        as unix, in another thread
 *   handled       as second, but an earlier SIGPIPE went to a handler, from the same place
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

static char megabytes[4 << 20];

SITE void write_fatally(int fd, size_t size)
{
	CHECK(write(fd, megabytes, size) == (ssize_t)size);
	CHECK(size != 0);
}

SITE void lose_a_write(int fd)
{
	CHECK(write(fd, "first", 5) == 5);
	wait_for_tcp_state(fd, TCP_CLOSE);
}

/* Fills the connection until nothing more goes in, and nothing more comes out at the other end. */
static void fill(int fd)
{
	for (int still = 0; still < 50; still++) {
		ssize_t sent = send(fd, megabytes, sizeof megabytes, MSG_DONTWAIT);

		CHECK(sent > 0 || (sent == -1 && errno == EAGAIN));
		if (sent > 0)
			still = 0;
		else
			pause_1ms();
	}
}

/* Whether the kernel shows that a thread of this process sleeps in a write. */
static bool sleeps_in_write(pid_t tid)
{
	char path[64], text[64] = "";
	int fd, number = -1;

	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
	return sscanf(text, "%d", &number) == 1 && number == SYS_write;
}

/* Closes the other end, with data unread, once the first thread sleeps in its write. */
static void *reset_when_asleep(void *argument)
{
	struct ends *ends = argument;
	int i = 0;

	for (; i < WAIT_BOUND_MS && !sleeps_in_write(getpid()); i++)
		pause_1ms();
	CHECK(i < WAIT_BOUND_MS);
	CHECK(close(ends->theirs) == 0);
	return NULL;
}

static void *write_in_thread(void *argument)
{
	struct ends *ends = argument;

	CHECK(close(ends->theirs) == 0);
	write_fatally(ends->ours, 7);
	return NULL;
}

static void run_blocked(void)
{
	struct ends ends = ends_open("tcp4");
	pthread_t thread;

	fill(ends.ours);
	CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	CHECK(pthread_create(&thread, NULL, reset_when_asleep, &ends) == 0);
	write_fatally(ends.ours, 7);
}

static void run_reset(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	peer_resets(ends);
	CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	write_fatally(ends.ours, 7);
}

static void run_second(bool told)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	peer_closes(ends, "tcp4");
	if (told)
		CHECK(read(ends.ours, &byte, 1) == 0);
	lose_a_write(ends.ours);
	write_fatally(ends.ours, 7);
}

SITE void write_twice(int fd, int times)
{
	for (int i = 0; i < times; i++) {
		signal(SIGPIPE, i + 1 < times ? sigpipe_handler : SIG_DFL);
		CHECK(write(fd, megabytes, 7) == -1 && errno == EPIPE);
	}
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("pair");
	pthread_t thread;

	signal(SIGPIPE, SIG_DFL);
	if (same(how, "unix") || same(how, "handled"))
		CHECK(close(ends.theirs) == 0);
	if (same(how, "unix"))
		write_fatally(ends.ours, 7);
	if (same(how, "handled"))
		write_twice(ends.ours, 2);
	if (same(how, "second") || same(how, "unread"))
		run_second(same(how, "unread"));
	if (same(how, "reset"))
		run_reset();
	if (same(how, "blocked"))
		run_blocked();
	if (same(how, "shutdown")) {
		CHECK(shutdown(ends.ours, SHUT_WR) == 0);
		write_fatally(ends.ours, 7);
	}
	if (same(how, "unconnected"))
		write_fatally(socket(AF_INET, SOCK_STREAM, 0), 7);
	CHECK(same(how, "thread"));
	CHECK(pthread_create(&thread, NULL, write_in_thread, &ends) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
