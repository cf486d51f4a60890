/*
 * Changes what it may do after it has started: the root directory, the user, the address space; and uses sockets from
 * then on. Its misuse is found all the same, if need be in the trace of its parent, which could still make one.
 *
 * trap_p18_changed_rights chroot DIRECTORY    a child whose root is an empty directory, as user 65534; needs root
 * trap_p18_changed_rights user                the process itself as user 65534; needs root
 * trap_p18_changed_rights memory              with so little address space left that no trace of the usual size fits
 * trap_p18_changed_rights file                may make no file at all (RLIMIT_FSIZE 0); its parent could
 */
#include "tests/programs/support.h"
#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>

SITE void write_afterwards(void)
{
	struct ends ends = ends_open("pair");

	CHECK(close(ends.theirs) == 0);
	CHECK_FAILS(send(ends.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void become_nobody(void)
{
	CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

static uint64_t address_space(void)
{
	FILE *status = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	CHECK(status != NULL && fscanf(status, "%lu", &pages) == 1 && fclose(status) == 0);
	return pages * 4096;
}

static void limit_memory(void)
{
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};

	limit.rlim_cur = address_space() + (16 << 20);
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

int main(int argc, char **argv)
{
	const char *what = argument(argc, argv, 1);
	pid_t child;

	if (same(what, "memory")) {
		limit_memory();
		write_afterwards();
		return 0;
	}
	if (same(what, "user")) {
		become_nobody();
		write_afterwards();
		return 0;
	}
	ends_open("pair"); /* so that this process has its trace */
	child = fork();
	if (child == 0) {
		if (same(what, "chroot")) {
			CHECK(chroot(argument(argc, argv, 2)) == 0 && chdir("/") == 0);
			become_nobody();
		} else {
			CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}) == 0);
		}
		write_afterwards();
		_exit(0);
	}
	child_succeeds(child);
	return 0;
}
