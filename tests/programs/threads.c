/*
 * Eight threads at once.
 *
 * threads bad      each writes twice to its own peer, which has closed
 * threads shared   all write to one dead connection from one place, 100 times each
 * threads told     the main thread reads the end, another thread writes: it is one program
 * threads woken    each of 500 bytes wakes the main thread, which closes the writer's descriptor at once
 * threads ok       each opens, writes, is read and closes, 50 times
 */
#include "tests/programs/support.h"
#include <pthread.h>

enum { THREADS = 8 };

static struct ends shared;

SITE void write_to_closed_peer(int fd)
{
	CHECK(send(fd, "first", 5, MSG_NOSIGNAL) == 5);
}

SITE void write_to_dead_connection(int fd)
{
	CHECK_FAILS(send(fd, "second", 6, MSG_NOSIGNAL), EPIPE);
}

static void *misuse_own(void *unused)
{
	struct ends ends = ends_open("tcp4");

	peer_closes(ends, "tcp4");
	write_to_closed_peer(ends.ours);
	wait_for_tcp_state(ends.ours, TCP_CLOSE);
	write_to_dead_connection(ends.ours);
	CHECK(close(ends.ours) == 0);
	return unused;
}

static void *misuse_shared(void *unused)
{
	for (int i = 0; i < 100; i++)
		write_to_dead_connection(shared.ours);
	return unused;
}

static void *write_once(void *unused)
{
	write_to_closed_peer(shared.ours);
	return unused;
}

static void *behave_well(void *unused)
{
	char buffer[5];

	for (int i = 0; i < 50; i++) {
		struct ends ends = ends_open(i % 2 ? "tcp4" : "pair");

		CHECK(write(ends.ours, "hello", 5) == 5);
		CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == 5);
		CHECK(close(ends.theirs) == 0 && close(ends.ours) == 0);
	}
	return unused;
}

static void *wake(void *unused)
{
	CHECK(send(shared.ours, "x", 1, 0) == 1);
	return unused;
}

static void close_when_woken(void)
{
	for (int i = 0; i < 500; i++) {
		pthread_t writer;
		char byte;

		shared = ends_open("pair");
		CHECK(pthread_create(&writer, NULL, wake, NULL) == 0);
		CHECK(recv(shared.theirs, &byte, 1, 0) == 1);
		CHECK(close(shared.ours) == 0 && close(shared.theirs) == 0);
		CHECK(pthread_join(writer, NULL) == 0);
	}
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	void *(*work)(void *) = behave_well;
	int count = THREADS;
	pthread_t threads[THREADS];
	char byte;

	if (same(how, "bad")) {
		work = misuse_own;
	} else if (same(how, "shared")) {
		work = misuse_shared;
		shared = ends_open("tcp4");
		peer_resets(shared);
		CHECK_FAILS(read(shared.ours, &byte, 1), ECONNRESET);
	} else if (same(how, "told")) {
		work = write_once;
		count = 1;
		shared = ends_open("tcp4");
		peer_closes(shared, "tcp4");
		CHECK(read(shared.ours, &byte, 1) == 0);
	} else if (same(how, "woken")) {
		close_when_woken();
		return 0;
	}
	for (int i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
