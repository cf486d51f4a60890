/*
 * writers THREADS WRITES: so many threads, each on a connection of its own, write to a peer that reads; then the peer
 * closes, and each goes on to write. Then all of them write on one and the same dead connection. AF_UNIX, where each
 * late write fails.
 */
#include <pthread.h>

#include "tests/load/load.h"

static unsigned long threads;
static unsigned long writes; /* of each thread, in each part */
static struct ends shared;
static pthread_barrier_t barrier;

SITE void write_too_late(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

SITE void write_together(int fd)
{
	CHECK_FAILS(send(fd, "together", 8, MSG_NOSIGNAL), EPIPE);
}

static void *run(void *unused)
{
	struct ends ends = ends_open("pair");
	char buffer[10];

	pthread_barrier_wait(&barrier);
	for (unsigned long i = 0; i < writes; i++) {
		CHECK(write(ends.ours, "0123456789", 10) == 10);
		CHECK(recv(ends.theirs, buffer, 10, MSG_WAITALL) == 10);
	}
	CHECK(close(ends.theirs) == 0);
	CHECK(read(ends.ours, buffer, 1) == 0);
	for (unsigned long i = 0; i < writes; i++)
		write_too_late(ends.ours);
	pthread_barrier_wait(&barrier);
	for (unsigned long i = 0; i < writes; i++)
		write_together(shared.ours);
	CHECK(close(ends.ours) == 0);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t *ids;
	char byte;

	threads = load_number(argc, argv, 1);
	writes = load_number(argc, argv, 2);
	ids = calloc(threads, sizeof *ids);
	CHECK(ids && pthread_barrier_init(&barrier, NULL, (unsigned)threads) == 0);
	shared = ends_open("pair");
	CHECK(close(shared.theirs) == 0);
	CHECK(read(shared.ours, &byte, 1) == 0);
	for (unsigned long i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, run, NULL) == 0);
	for (unsigned long i = 0; i < threads; i++)
		CHECK(pthread_join(ids[i], NULL) == 0);
	printf("sockets=%lu open=%lu late=%lu threads=%lu peak_kib=%ld\n", 2 * threads + 2, 2 * threads + 2,
		2 * threads * writes, threads, load_peak_kib());
	return 0;
}
