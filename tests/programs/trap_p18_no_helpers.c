/*
 * Prints how many threads and children it has, which signals are blocked and handled, and that it may still do what the
 * kernel allows a process of one thread alone. Bare and audited the words must be the same.
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <sched.h>

SITE void write_to_closed_peer(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void print_state(void)
{
	DIR *tasks = opendir("/proc/self/task");
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	int count = 0;

	CHECK(tasks != NULL && status != NULL);
	while (readdir(tasks) != NULL)
		count++;
	printf("%d threads\n", count - 2);
	while (fgets(line, sizeof line, status) != NULL)
		if ((strncmp(line, "Sig", 3) == 0 && line[3] != 'Q') || strncmp(line, "Shd", 3) == 0 ||
			strncmp(line, "Threads", 7) == 0)
			fputs(line, stdout);
	CHECK(closedir(tasks) == 0 && fclose(status) == 0);
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

int main(void)
{
	struct ends ends = ends_open("pair");

	print_state();
	CHECK(close(ends.theirs) == 0);
	write_to_closed_peer(ends.ours);
	print_state();
	errno = 0;
	/* EINVAL where there is a second thread (unshare(2)) */
	printf("unshare: %s\n", unshare(CLONE_NEWUSER) == 0 ? "done" : strerror(errno));
	return 0;
}
