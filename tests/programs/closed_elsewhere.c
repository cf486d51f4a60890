/*
 * Closes connections, then starts other programs and processes: there, too, the numbers are closed and nothing else is
 * open, and they can be used like any other.
 *
 * closed_elsewhere WAY    WAY: exec, fork_exec, vfork, posix_spawn, system, fork
 * closed_elsewhere list   the program that is started: prints the numbers above 2 that are open
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>

extern char **environ;

static int list_open_numbers(void)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			printf("open: %d\n", fd);
	printf("listed\n");
	return 0;
}

static void use_in_child(int number)
{
	struct ends ends;
	char buffer[5];

	CHECK_FAILS(fcntl(number, F_GETFD), EBADF);
	CHECK_FAILS(dup(number), EBADF);
	CHECK(dup2(2, number) == number);
	CHECK(close(number) == 0);
	ends = ends_open("tcp4");
	CHECK(dup2(ends.ours, number) == number && close(ends.ours) == 0);
	CHECK(write(number, "hello", 5) == 5);
	wait_for_input(ends.theirs, sizeof buffer);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	CHECK(close(number) == 0 && close(ends.theirs) == 0);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	char *const command[] = {argv[0], "list", NULL};
	posix_spawn_file_actions_t actions;
	struct ends ends[10];
	pid_t child = -1;

	if (same(way, "list"))
		return list_open_numbers();
	CHECK(close_range(3, ~0U, 0) == 0); /* what was inherited */
	for (int i = 0; i < 10; i++)
		ends[i] = ends_open("tcp4");
	for (int i = 0; i < 10; i++)
		CHECK(close(ends[i].ours) == 0 && close(ends[i].theirs) == 0);
	if (same(way, "exec"))
		execv(command[0], command);
	if (same(way, "system")) {
		CHECK(system("for n in /proc/self/fd/*; do echo ${n##*/}; done | sed 's/^[012]$//' | sort -n | uniq "
			     "-c") == 0);
		return 0;
	}
	if (same(way, "posix_spawn")) {
		/* the numbers that were closed are as good as any to be given to the child */
		CHECK(posix_spawn_file_actions_init(&actions) == 0);
		CHECK(posix_spawn_file_actions_adddup2(&actions, 2, ends[3].ours) == 0);
		CHECK(posix_spawn_file_actions_addclose(&actions, ends[3].ours) == 0);
		CHECK(posix_spawn(&child, command[0], &actions, NULL, command, environ) == 0);
		CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
	} else if (same(way, "vfork")) {
		child = vfork();
		if (child == 0) {
			if (fcntl(ends[3].ours, F_GETFD) == -1 && dup2(2, ends[3].ours) == ends[3].ours &&
				close(ends[3].ours) == 0 && close(ends[3].ours) == -1)
				execv(command[0], command);
			_exit(98);
		}
	} else {
		fflush(stdout);
		child = fork();
		if (child == 0 && same(way, "fork")) {
			use_in_child(ends[3].ours);
			exit(0);
		}
		if (child == 0)
			execv(command[0], command);
	}
	child_succeeds(child);
	CHECK_FAILS(fcntl(ends[3].ours, F_GETFD), EBADF);
	return 0;
}
