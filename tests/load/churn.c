/*
 * churn N EVERY THREADS: N connections one after the other in each of THREADS threads together, each made, used and
 * closed. Of each EVERYth the client writes once more after it has read that the server closed.
 */
#include <pthread.h>

#include "tests/load/load.h"

static unsigned long every;
static unsigned long each; /* connections of one thread */

SITE void write_too_late(int fd)
{
	CHECK(send(fd, "late", 4, MSG_NOSIGNAL) == 4);
}

/* The port of a listener on every address: with several addresses there are enough pairs of ports that still wait. */
static void connect_once(int fd, int listener, unsigned long number)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;

	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t)(number % 200));
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
}

static int listen_everywhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0);
	return fd;
}

static void *run(void *unused)
{
	int listener = listen_everywhere();
	unsigned long late = 0;
	char byte;

	for (unsigned long i = 0; i < each; i++) {
		struct ends ends = {.ours = socket(AF_INET, SOCK_STREAM, 0)};

		CHECK(ends.ours >= 0);
		connect_once(ends.ours, listener, i);
		ends.theirs = accept(listener, NULL, NULL);
		CHECK(ends.theirs >= 0);
		load_echo(ends.ours, ends.theirs);
		CHECK(close(ends.theirs) == 0);
		CHECK(read(ends.ours, &byte, 1) == 0);
		if (i % every == 0) {
			write_too_late(ends.ours);
			late++;
		}
		CHECK(close(ends.ours) == 0);
	}
	(void)unused;
	return (void *)(uintptr_t)late;
}

int main(int argc, char **argv)
{
	unsigned long count = load_number(argc, argv, 1);
	unsigned long threads = load_number(argc, argv, 3);
	pthread_t *ids = calloc(threads, sizeof *ids);
	uint64_t start_ns = load_now_ns();
	unsigned long late = 0;
	double seconds;

	every = load_number(argc, argv, 2);
	each = count / threads;
	CHECK(ids);
	for (unsigned long i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, run, NULL) == 0);
	for (unsigned long i = 0; i < threads; i++) {
		void *result;

		CHECK(pthread_join(ids[i], &result) == 0);
		late += (uintptr_t)result;
	}
	seconds = (double)(load_now_ns() - start_ns) / 1e9;
	printf("sockets=%lu open=%lu late=%lu threads=%lu per_minute=%.0f peak_kib=%ld\n", threads * (2 * each + 1),
		3 * threads, late, threads, (double)(threads * each) * 60 / seconds, load_peak_kib());
	return 0;
}
