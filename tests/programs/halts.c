/*
 * Makes one incident, then says that it goes on: by that, tests/e2e/halt.sh sees whether halt_on_error=1 has ended it.
 *
 * halts CASE
 *   closed          writes to a descriptor that it has closed
 *   shut            writes after its own shutdown
 *   refused         writes, blocking, while a connection is being made, which is then refused
 *   told            writes after a read has returned 0, and the bytes are lost
 *   twice           closes a descriptor twice, then another one
 *   twice_last      closes a descriptor twice, and no other one
 *   untold          writes to a peer that has closed, which nothing has said: a warning
 *   connecting      writes, non-blocking, while a connection is being made: a note
 *   half            writes to a peer that has shut its writing half and reads on: a note
 *   swept           closes a descriptor twice, as part of a loop over all numbers: no incident
 */
#include <fcntl.h>
#include <pthread.h>

#include "tests/programs/support.h"

static void go_on(void)
{
	static const char text[] = "goes on\n";

	CHECK(write(1, text, sizeof(text) - 1) > 0);
}

/* A connection that is being made and cannot become one: the listener's queue is full. */
static int connecting(int *listener)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = -1;

	*listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(*listener, (void *)&address, length) == 0 && listen(*listener, 0) == 0);
	CHECK(getsockname(*listener, (void *)&address, &length) == 0);
	for (int i = 0; i < 8; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		CHECK(fd >= 0 && (connect(fd, (void *)&address, length) == 0 || errno == EINPROGRESS));
	}
	if (tcp_information(fd).tcpi_state != TCP_SYN_SENT) {
		fprintf(stderr, "here the queue of a listener does not fill up\n");
		exit(77);
	}
	return fd;
}

static void *close_later(void *listener)
{
	for (int i = 0; i < 100; i++)
		pause_1ms();
	close(*(int *)listener);
	return NULL;
}

static void refused(void)
{
	int listener;
	int fd = connecting(&listener);
	pthread_t thread;

	CHECK(fcntl(fd, F_SETFL, 0) == 0);
	CHECK(pthread_create(&thread, NULL, close_later, &listener) == 0);
	CHECK(write(fd, "hello", 5) == -1);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void twice(int last)
{
	struct ends ends = ends_open("unix");
	int other = dup2(1, ends.ours + 100);

	close(ends.ours);
	CHECK_FAILS(close(ends.ours), EBADF);
	if (!last)
		close(other);
}

static void told(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	CHECK(write(ends.ours, "unread", 6) == 6);
	wait_for_input(ends.theirs, 6);
	CHECK(shutdown(ends.theirs, SHUT_WR) == 0 && read(ends.ours, &byte, 1) == 0);
	close(ends.theirs); /* with input unread: a reset */
	wait_for_tcp_state(ends.ours, TCP_CLOSE);
	CHECK(write(ends.ours, "x", 1) == -1);
}

static void half(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	CHECK(shutdown(ends.theirs, SHUT_WR) == 0 && read(ends.ours, &byte, 1) == 0);
	CHECK(write(ends.ours, "x", 1) == 1 && read(ends.theirs, &byte, 1) == 1);
	wait_for_acknowledgement(ends.ours);
}

static void untold(void)
{
	struct ends ends = ends_open("unix");

	close(ends.theirs);
	CHECK_FAILS(write(ends.ours, "x", 1), EPIPE);
}

static void swept(void)
{
	struct ends ends = ends_open("unix");

	close(ends.ours);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argument(argc, argv, 1);
	int listener;

	signal(SIGPIPE, SIG_IGN);
	if (same(what, "closed")) {
		struct ends ends = ends_open("unix");

		close(ends.ours);
		CHECK_FAILS(write(ends.ours, "x", 1), EBADF);
	} else if (same(what, "shut")) {
		struct ends ends = ends_open("unix");

		shutdown(ends.ours, SHUT_WR);
		CHECK_FAILS(write(ends.ours, "x", 1), EPIPE);
	} else if (same(what, "refused")) {
		refused();
	} else if (same(what, "told")) {
		told();
	} else if (same(what, "twice") || same(what, "twice_last")) {
		twice(same(what, "twice_last"));
	} else if (same(what, "untold")) {
		untold();
	} else if (same(what, "connecting")) {
		CHECK_FAILS(write(connecting(&listener), "x", 1), EAGAIN);
	} else if (same(what, "half")) {
		half();
	} else {
		CHECK(same(what, "swept"));
		swept();
	}
	go_on();
	return 0;
}
