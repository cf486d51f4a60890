/*
 * Three threads make one incident after another, on new connections each time, and note each one in a shared file
 * once the call has returned: what stands there is what the trace must have, however this process ends.
 *
 * survival_busy WITNESS END
 *   forever    goes on until it is killed
 *   finish     200 rounds of each thread, then status 7
 *   exit, _exit, quick_exit, abort, exec, pipe
 *              ends that way while the threads are busy, once each has done 100 rounds; pipe: inside a write, by
 *              SIGPIPE; exec: the image that comes after makes an incident, too, and exits with 7
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* In this order tests/e2e/survival.sh reads them. */
struct witness {
	uint64_t refused_by_unix; /* write_to_closed_pair */
	uint64_t lost_by_tcp; /* lose_a_write, 5 bytes each */
	uint64_t refused_by_tcp; /* write_after_reset */
	uint64_t refused_after_shutdown; /* write_after_shutdown, twice a round */
	uint64_t process;
};

static struct witness *witness;
static long rounds;

SITE void write_to_closed_pair(int fd)
{
	CHECK_FAILS(send(fd, "anyone?", 7, MSG_NOSIGNAL), EPIPE);
	witness->refused_by_unix++;
}

SITE void lose_a_write(int fd)
{
	CHECK(send(fd, "first", 5, MSG_NOSIGNAL) == 5);
	wait_for_tcp_state(fd, TCP_CLOSE);
}

SITE void write_after_reset(int fd)
{
	CHECK_FAILS(send(fd, "second", 6, MSG_NOSIGNAL), EPIPE);
	/* with this write the fate of the one before is settled as well */
	witness->lost_by_tcp++;
	witness->refused_by_tcp++;
}

SITE void write_after_shutdown(int fd)
{
	CHECK_FAILS(send(fd, "more", 4, MSG_NOSIGNAL), EPIPE);
	witness->refused_after_shutdown++;
}

static void *closed_pairs(void *unused)
{
	for (long i = 0; i != rounds; i++) {
		struct ends ends = ends_open("pair");

		peer_closes(ends, "pair");
		write_to_closed_pair(ends.ours);
		CHECK(close(ends.ours) == 0);
	}
	return unused;
}

static void *closed_connections(void *unused)
{
	int listener = listener_open("tcp4", 8);

	for (long i = 0; i != rounds; i++) {
		struct ends ends = {.ours = socket(AF_INET, SOCK_STREAM, 0)};

		CHECK(ends.ours >= 0 && connect_to(ends.ours, listener) == 0);
		ends.theirs = accept(listener, NULL, NULL);
		CHECK(ends.theirs >= 0);
		peer_closes(ends, "tcp4");
		lose_a_write(ends.ours);
		write_after_reset(ends.ours);
		CHECK(close(ends.ours) == 0);
	}
	CHECK(close(listener) == 0);
	return unused;
}

static void *shut_pairs(void *unused)
{
	for (long i = 0; i != rounds; i++) {
		struct ends ends = ends_open("pair");

		CHECK(shutdown(ends.ours, SHUT_WR) == 0);
		for (int j = 0; j < 2; j++)
			write_after_shutdown(ends.ours);
		CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	}
	return unused;
}

static void open_witness(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, sizeof *witness) == 0);
	witness = mmap(NULL, sizeof *witness, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(witness != MAP_FAILED && close(fd) == 0);
	witness->process = (uint64_t)getpid();
}

static void wait_until_busy(void)
{
	for (int i = 0; i < 10 * WAIT_BOUND_MS; i++) {
		uint64_t least = __atomic_load_n(&witness->refused_by_unix, __ATOMIC_RELAXED);
		uint64_t tcp = __atomic_load_n(&witness->refused_by_tcp, __ATOMIC_RELAXED);
		uint64_t shut = __atomic_load_n(&witness->refused_after_shutdown, __ATOMIC_RELAXED) / 2;

		least = tcp < least ? tcp : least;
		if ((shut < least ? shut : least) >= 100)
			return;
		pause_1ms();
	}
	CHECK(!"busy in time");
}

SITE void write_after_exec(int fd)
{
	CHECK_FAILS(send(fd, "again", 5, MSG_NOSIGNAL), EPIPE);
}

SITE void write_fatally(int fd)
{
	CHECK(write(fd, "the last", 8) == 8);
}

static int after_exec(void)
{
	struct ends ends = ends_open("pair");

	peer_closes(ends, "pair");
	write_after_exec(ends.ours);
	return 7;
}

static void end(const char *how, char **argv)
{
	struct ends ends = ends_open("pair");

	if (same(how, "exit"))
		exit(7);
	if (same(how, "_exit"))
		_exit(7);
	if (same(how, "quick_exit"))
		quick_exit(7);
	if (same(how, "abort"))
		abort();
	if (same(how, "exec"))
		execl(argv[0], argv[0], argv[1], "after_exec", (char *)NULL);
	CHECK(same(how, "pipe"));
	signal(SIGPIPE, SIG_DFL);
	peer_closes(ends, "pair");
	write_fatally(ends.ours);
}

int main(int argc, char **argv)
{
	void *(*const busy[])(void *) = {closed_pairs, closed_connections, shut_pairs};
	const char *how = argument(argc, argv, 2);
	pthread_t threads[3];

	CHECK(argc == 3 && setrlimit(RLIMIT_CORE, &(struct rlimit){0}) == 0);
	if (same(how, "after_exec"))
		return after_exec();
	open_witness(argv[1]);
	rounds = same(how, "finish") ? 200 : -1;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, busy[i], NULL) == 0);
	if (rounds < 0 && !same(how, "forever")) {
		wait_until_busy();
		end(how, argv);
	}
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	printf("%d rounds of each\n", (int)rounds);
	return 7;
}
