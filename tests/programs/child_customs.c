/*
 * Starts other programs in each of the usual ways while it has a connection. The child closes descriptors that are
 * the parent's too, some ways even in the parent's memory (vfork); the parent's connection lives on, and it
 * writes.
 *
 * child_customs WAY    vfork, fork, posix_spawn, system, popen
 */
#include "tests/programs/support.h"
#include <spawn.h>

extern char **environ;

static char *const command[] = {"/bin/true", NULL};

/* What CPython's subprocess does: calls that no vfork child should make, and that work. */
static pid_t start_by_vfork(struct ends ends)
{
	pid_t child = vfork();

	if (child == 0) {
		close(ends.ours);
		close(ends.theirs);
		close_range(3, ~0U, 0);
		execve(command[0], command, environ);
		_exit(127);
	}
	return child;
}

static pid_t start_by_fork(void)
{
	pid_t child = fork();

	if (child == 0) {
		closefrom(3);
		execv(command[0], command);
		_exit(127);
	}
	return child;
}

static pid_t start_by_posix_spawn(struct ends ends)
{
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_addclose(&actions, ends.ours) == 0);
	CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0);
	CHECK(posix_spawn(&child, command[0], &actions, NULL, command, environ) == 0);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
	return child;
}

static void start_by_popen(void)
{
	FILE *output = popen("exec 3>&- 4>&-; echo done", "r");
	char line[8] = "";

	CHECK(output != NULL);
	CHECK(fgets(line, sizeof line, output) != NULL && same(line, "done\n"));
	CHECK(pclose(output) == 0);
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	char buffer[12];

	if (same(way, "vfork"))
		child_succeeds(start_by_vfork(ends));
	else if (same(way, "fork"))
		child_succeeds(start_by_fork());
	else if (same(way, "posix_spawn"))
		child_succeeds(start_by_posix_spawn(ends));
	else if (same(way, "system"))
		CHECK(system("exec 3>&- 4>&- 5>&-") == 0);
	else
		start_by_popen();
	CHECK(write(ends.ours, "still mine!!", 12) == 12);
	wait_for_input(ends.theirs, sizeof buffer);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	return 0;
}
