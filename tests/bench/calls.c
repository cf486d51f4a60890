/*
 * calls.c: what one call costs, in nanoseconds.
 *
 *	calls KIND BATCHES
 *
 * Times batches of CALLS calls and prints the median batch, divided by CALLS. One thread does everything, so nothing is
 * timed but the call itself: after a batch of writes on a TCP connection over loopback the other end, which the same
 * process holds, is emptied without the clock running.
 *
 *	tcp        write of 64 bytes on a connected socket, TCP_NODELAY set, as servers have it
 *	tcp-poll   the same with one poll(POLLRDHUP) before it: what one extra system call costs here
 *	file       write of 64 bytes to a regular file
 *	null       write of 64 bytes to /dev/null
 *	zero       read of 64 bytes from /dev/zero
 *	poll       poll of a pipe that has nothing
 */
#include <fcntl.h>
#include <poll.h>

#include "tests/programs/support.h"

enum { CALLS = 64, BYTES = 64 };

static char payload[BYTES];

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void call_write(int fd)
{
	CHECK(write(fd, payload, BYTES) == BYTES);
}

static void call_poll_and_write(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLRDHUP};

	CHECK(poll(&one, 1, 0) == 0);
	CHECK(write(fd, payload, BYTES) == BYTES);
}

static void call_read(int fd)
{
	CHECK(read(fd, payload, BYTES) == BYTES);
}

static void call_poll(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	CHECK(poll(&one, 1, 0) == 0);
}

/* A descriptor to call on; *drain becomes the one to empty after a batch, where there is one. */
static int open_tcp(int *drain)
{
	struct ends ends = ends_open("tcp4");
	int on = 1;

	CHECK(setsockopt(ends.ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
	*drain = ends.theirs;
	return ends.ours;
}

static int open_file(int *drain)
{
	FILE *file = tmpfile();

	(void)drain;
	CHECK(file != NULL);
	return fileno(file);
}

static int open_null(int *drain)
{
	(void)drain;
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int open_zero(int *drain)
{
	(void)drain;
	return open("/dev/zero", O_RDONLY | O_CLOEXEC);
}

static int open_pipe(int *drain)
{
	int fds[2];

	(void)drain;
	CHECK(pipe(fds) == 0);
	return fds[0];
}

static const struct kind {
	const char *name;
	int (*open)(int *drain);
	void (*call)(int fd);
} kinds[] = {
	{"tcp", open_tcp, call_write},
	{"tcp-poll", open_tcp, call_poll_and_write},
	{"file", open_file, call_write},
	{"null", open_null, call_write},
	{"zero", open_zero, call_read},
	{"poll", open_pipe, call_poll},
};

static void empty(int fd, size_t bytes)
{
	char buffer[CALLS * BYTES];

	while (bytes > 0) {
		ssize_t got = read(fd, buffer, sizeof buffer);

		CHECK(got > 0);
		bytes -= (size_t)got;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t batches = (size_t)strtoul(argument(argc, argv, 2), NULL, 10);
	const struct kind *kind = NULL;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (same(kinds[i].name, argument(argc, argv, 1)))
			kind = &kinds[i];
	if (!kind || batches == 0) {
		fprintf(stderr, "usage: calls tcp|tcp-poll|file|null|zero|poll BATCHES\n");
		return 2;
	}

	int drain = -1;
	int fd = kind->open(&drain);
	double *took = calloc(batches, sizeof *took);

	CHECK(fd >= 0 && took != NULL);
	/* The first tenth warms up and is not counted. */
	for (size_t i = 0; i < batches + batches / 10; i++) {
		double start = now_ns();

		for (int call = 0; call < CALLS; call++)
			kind->call(fd);
		took[i % batches] = now_ns() - start;
		if (drain >= 0)
			empty(drain, CALLS * BYTES);
		if (kind->open == open_file)
			CHECK(lseek(fd, 0, SEEK_SET) == 0);
	}
	qsort(took, batches, sizeof *took, compare);
	printf("%.2f\n", took[batches / 2] / CALLS);
	free(took);
	return 0;
}
