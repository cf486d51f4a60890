/*
 * memory_limits.c: what a program may have and lock of memory, and how large its core dump is. Run by
 * tests/e2e/memory.sh, bare and audited; what it prints is to be the same, or nearly so.
 *
 *   memory_limits size                      prints its VmSize in KiB
 *   memory_limits lock FLAGS KIB [first]    mlockall(FLAGS) with that RLIMIT_MEMLOCK: the result, and how many pages it
 *   can map after it
 *   memory_limits map                       prints how many KiB it can map in one piece under its RLIMIT_AS
 *   memory_limits dump                      aborts
 *   memory_limits busy ROUNDS               makes a connection and a write after its end as often, and says when it is
 *   half through
 *
 * All but `size` write to a connection whose peer has closed; `lock` does so after the locking, with `first` before it,
 * too.
 */
#include "tests/programs/support.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { KIB = 1024, PAGE = 4096, MOST_PAGES = 100000 };

SITE void write_too_late(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(close(ends[1]) == 0);
	CHECK_FAILS(write(ends[0], "late", 4), EPIPE);
	CHECK(close(ends[0]) == 0);
}

/* Of /proc/self/status, in KiB. */
static long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	CHECK(file);
	while (kib < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name));
	fclose(file);
	return kib;
}

static void *map(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void lock(int flags, long limit_kib, bool first)
{
	const struct rlimit limit = {(rlim_t)limit_kib * KIB, (rlim_t)limit_kib * KIB};
	int pages = 0;
	int result;

	if (first)
		write_too_late();
	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	errno = 0;
	result = mlockall(flags);
	printf("mlockall %d, errno %d\n", result, errno);
	while (pages < MOST_PAGES && map(PAGE) != MAP_FAILED)
		pages++;
	printf("locked %ld KiB\npages %d\n", status_kib("VmLck:"), pages);
	fflush(stdout);
	for (int i = 0; i < 100; i++)
		write_too_late();
}

static void map_most(void)
{
	size_t some = 0;
	size_t most = (size_t)1 << 40;

	write_too_late();
	while (most - some > PAGE) {
		size_t middle = (some + (most - some) / 2) & ~(size_t)(PAGE - 1);
		void *at = map(middle);

		if (at == MAP_FAILED) {
			most = middle;
		} else {
			some = middle;
			munmap(at, middle);
		}
	}
	printf("%zu\n", some / KIB);
}

static void busy(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		write_too_late();
		if (i == rounds / 2) {
			close(open("half", O_CREAT | O_WRONLY, 0600));
			while (access("go", F_OK) != 0)
				pause_1ms();
		}
	}
	puts("end");
}

int main(int argc, char **argv)
{
	const char *what = argument(argc, argv, 1);

	signal(SIGPIPE, SIG_IGN);
	if (same(what, "size"))
		printf("%ld\n", status_kib("VmSize:"));
	else if (same(what, "lock"))
		lock(atoi(argument(argc, argv, 2)), atol(argument(argc, argv, 3)),
			same(argument(argc, argv, 4), "first"));
	else if (same(what, "map"))
		map_most();
	else if (same(what, "busy"))
		busy(atoi(argument(argc, argv, 2)));
	else if (same(what, "dump")) {
		write_too_late();
		abort();
	} else
		CHECK(!"what to do");
	return 7;
}
