/*
 * connections N EVERY: N connections over loopback that all stand at once, between a client and a server process. When
 * all have been used, the server closes each EVERYth; the client reads that, and writes all the same.
 */
#include "tests/load/load.h"

static unsigned long count;
static unsigned long every;

SITE void write_too_late(int fd)
{
	CHECK(send(fd, "late", 4, MSG_NOSIGNAL) == 4);
}

static int *descriptors(void)
{
	int *fds = calloc(count, sizeof *fds);

	CHECK(fds);
	return fds;
}

/* Connections are accepted in the order in which they were made. Ends when the client has closed the pipe. */
static void serve(int listener, int told, int go_on)
{
	int *fds = descriptors();
	char buffer[16];

	for (unsigned long i = 0; i < count; i++) {
		fds[i] = accept(listener, NULL, NULL);
		CHECK(fds[i] >= 0);
	}
	for (unsigned long i = 0; i < count; i++) {
		CHECK(recv(fds[i], buffer, 16, MSG_WAITALL) == 16);
		CHECK(write(fds[i], buffer, 16) == 16);
	}
	CHECK(read(go_on, buffer, 1) == 1);
	for (unsigned long i = 0; i < count; i += every)
		CHECK(close(fds[i]) == 0);
	CHECK(write(told, "c", 1) == 1);
	CHECK(read(go_on, buffer, 1) == 0);
}

static unsigned long use(int listener, int told, int go_on)
{
	int *fds = descriptors();
	unsigned long late = 0;
	char buffer[16];

	for (unsigned long i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(fds[i] >= 0);
		CHECK(connect_to(fds[i], listener) == 0);
		CHECK(write(fds[i], "0123456789abcdef", 16) == 16);
	}
	for (unsigned long i = 0; i < count; i++)
		CHECK(recv(fds[i], buffer, 16, MSG_WAITALL) == 16);
	CHECK(write(go_on, "g", 1) == 1);
	CHECK(read(told, buffer, 1) == 1);
	for (unsigned long i = 0; i < count; i += every, late++) {
		CHECK(read(fds[i], buffer, 1) == 0);
		write_too_late(fds[i]);
	}
	for (unsigned long i = 0; i < count; i++)
		CHECK(close(fds[i]) == 0);
	return late;
}

int main(int argc, char **argv)
{
	int told[2];
	int go_on[2];
	int listener = listener_open("tcp4", 128);
	struct rusage server;
	unsigned long late;
	pid_t child;

	count = load_number(argc, argv, 1);
	every = load_number(argc, argv, 2);
	CHECK(pipe(told) == 0 && pipe(go_on) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(go_on[1]);
		serve(listener, told[1], go_on[0]);
		return 0;
	}
	late = use(listener, told[0], go_on[1]);
	close(go_on[1]);
	child_succeeds(child);
	CHECK(getrusage(RUSAGE_CHILDREN, &server) == 0);
	/* And the listener, which the server only accepts from: no record of its own. */
	printf("sockets=%lu open=%lu late=%lu threads=1 peak_kib=%ld\n", 2 * count + 1, count + 1, late,
		server.ru_maxrss > load_peak_kib() ? server.ru_maxrss : load_peak_kib());
	return 0;
}
