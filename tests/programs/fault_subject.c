/*
 * What tests/e2e/faults.sh runs while system calls of the library fail: one write of each sort, in the process, in a
 * thread and in a child, each of which must find what it finds without any audit. Ends with 7.
 *
 * fault_subject         and tells which descriptor the kernel gives it next
 * fault_subject kept    where that is not to be looked at
 */
#include "tests/programs/support.h"
#include <pthread.h>

SITE void lose_a_write(int fd)
{
	CHECK(send(fd, "first", 5, MSG_NOSIGNAL) == 5);
	wait_for_tcp_state(fd, TCP_CLOSE);
}

SITE void write_after_reset(int fd)
{
	CHECK_FAILS(write(fd, "second", 6), EPIPE);
}

SITE void write_to_closed_pair(int fd)
{
	CHECK_FAILS(send(fd, "gone", 4, MSG_NOSIGNAL), EPIPE);
}

SITE void write_after_shutdown(int fd)
{
	CHECK(shutdown(fd, SHUT_WR) == 0);
	CHECK_FAILS(send(fd, "more", 4, MSG_NOSIGNAL), EPIPE);
}

SITE void write_after_close(int fd)
{
	CHECK(close(fd) == 0);
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EBADF);
}

SITE void write_unconnected(int fd)
{
	CHECK_FAILS(send(fd, "early", 5, MSG_NOSIGNAL), EPIPE);
}

static void *in_thread(void *unused)
{
	struct ends ends = ends_open("pair");
	char byte;

	CHECK(close(ends.theirs) == 0);
	CHECK(read(ends.ours, &byte, 1) == 0);
	write_to_closed_pair(ends.ours);
	CHECK(close(ends.ours) == 0);
	return unused;
}

static void be_child(int fd)
{
	CHECK(write(fd, "child", 5) == 5);
	in_thread(NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct ends tcp = ends_open("tcp4");
	struct ends shared = ends_open("pair");
	char buffer[5];
	pthread_t thread;
	int fd;

	count_sigpipe();
	peer_closes(tcp, "tcp4");
	lose_a_write(tcp.ours);
	write_after_reset(tcp.ours);
	CHECK(sigpipe_count == 1 && close(tcp.ours) == 0);
	write_after_shutdown(ends_open("pair").ours);
	write_after_close(ends_open("pair").ours);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	write_unconnected(fd);
	CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);

	pid_t child = fork();

	if (child == 0)
		be_child(shared.theirs);
	CHECK(recv(shared.ours, buffer, 5, MSG_WAITALL) == 5 && memcmp(buffer, "child", 5) == 0);
	child_succeeds(child);
	/* nothing of anybody's was left open; a quarantine may keep numbers */
	printf("all as promised, the next number is %d\n", same(argument(argc, argv, 1), "kept") ? -1 : dup(0));
	return 7;
}
