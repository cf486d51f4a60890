/*
 * Has few descriptors, opens and closes many connections, and then makes as many descriptors as it may: with and
 * without the quarantine it must get all of them. Prints how many, which the runner compares.
 *
 * few_descriptors LIMIT WAY    WAY: socket, socketpair, accept, dup, fcntl, open, openat, creat, fopen, opendir, pipe,
 *                              pipe2, epoll, eventfd, timerfd, signalfd, inotify, memfd; or lowered: the limit is
 *                              lowered
 *                              only after the connections; or threads: as many threads as descriptors are left,
 *                              each with a socket at a time
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

enum { CONNECTIONS = 200, ROUNDS = 200 };

static int listener;

static bool by_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool by_socketpair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}

/* The clients are another process, which has gone when they are accepted. */
static void queue_clients(int count)
{
	pid_t child = fork();

	if (child == 0) {
		for (int i = 0; i < count; i++) {
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			CHECK(fd >= 0 && connect_to(fd, listener) == 0);
			CHECK(close(fd) == 0);
		}
		_exit(0);
	}
	child_succeeds(child);
}

static bool by_accept(void)
{
	return accept(listener, NULL, NULL) >= 0;
}

static bool by_dup(void)
{
	return dup(listener) >= 0;
}

static bool by_fcntl(void)
{
	return fcntl(listener, F_DUPFD_CLOEXEC, 0) >= 0;
}

static bool by_open(void)
{
	return open("/dev/null", O_RDONLY) >= 0;
}

static bool by_openat(void)
{
	return openat(AT_FDCWD, "/dev/null", O_RDONLY) >= 0;
}

static bool by_creat(void)
{
	return creat("/dev/null", 0600) >= 0;
}

static bool by_fopen(void)
{
	return fopen("/dev/null", "r") != NULL;
}

static bool by_opendir(void)
{
	return opendir("/") != NULL;
}

static bool by_pipe(void)
{
	int fds[2];

	return pipe(fds) == 0;
}

static bool by_pipe2(void)
{
	int fds[2];

	return pipe2(fds, O_CLOEXEC) == 0;
}

static bool by_epoll(void)
{
	return epoll_create1(0) >= 0;
}

static bool by_eventfd(void)
{
	return eventfd(0, 0) >= 0;
}

static bool by_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0) >= 0;
}

static bool by_signalfd(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, 0) >= 0;
}

static bool by_inotify(void)
{
	return inotify_init1(0) >= 0;
}

static bool by_memfd(void)
{
	return memfd_create("x", 0) >= 0;
}

static const struct {
	const char *name;
	bool (*make)(void);
} ways[] = {
	{"socket", by_socket},
	{"socketpair", by_socketpair},
	{"accept", by_accept},
	{"dup", by_dup},
	{"fcntl", by_fcntl},
	{"open", by_open},
	{"openat", by_openat},
	{"creat", by_creat},
	{"fopen", by_fopen},
	{"opendir", by_opendir},
	{"pipe", by_pipe},
	{"pipe2", by_pipe2},
	{"epoll", by_epoll},
	{"eventfd", by_eventfd},
	{"timerfd", by_timerfd},
	{"signalfd", by_signalfd},
	{"inotify", by_inotify},
	{"memfd", by_memfd},
};

static void open_and_close_many(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct ends ends = ends_open("tcp4");

		CHECK(write(ends.ours, "hello", 5) == 5);
		CHECK(close(ends.theirs) == 0 && close(ends.ours) == 0);
	}
}

static int make_up_to_limit(bool (*make)(void))
{
	int count = 0;

	while (make())
		count++;
	CHECK(errno == EMFILE);
	return count;
}

static void *use_one(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		CHECK(fd >= 0 && close(fd) == 0);
		fd = open("/dev/null", O_RDONLY);
		CHECK(fd >= 0 && close(fd) == 0);
	}
	return NULL;
}

/* The numbers 0 to 2 and the listener are taken; each thread has the use of one of the others. */
static void share_what_is_left(int limit)
{
	pthread_t threads[64];
	int count = limit - 4;

	CHECK(count > 0 && count <= 64);
	for (int i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, use_one, NULL) == 0);
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 2);
	int limit = atoi(argument(argc, argv, 1));
	struct rlimit few = {(rlim_t)limit, (rlim_t)limit};
	bool lowered = same(way, "lowered");
	int chosen = 0;

	while (!lowered && !same(way, "threads") && !same(ways[chosen].name, way))
		CHECK((size_t)++chosen < sizeof ways / sizeof *ways);
	CHECK(close_range(3, ~0U, 0) == 0); /* what was inherited */
	if (!lowered)
		CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	listener = listener_open("tcp4", 2 * 64);
	CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	open_and_close_many();
	if (same(way, "threads")) {
		share_what_is_left(limit);
		return 0;
	}
	if (lowered) {
		struct ends ends[40];

		for (int i = 0; i < 40; i++)
			ends[i] = ends_open("pair");
		for (int i = 0; i < 40; i++)
			CHECK(close(ends[i].theirs) == 0 && close(ends[i].ours) == 0);
		CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	}
	queue_clients(limit);
	printf("made %d\n", make_up_to_limit(ways[chosen].make));
	return 0;
}
