/*
 * Becomes another image with an environment that it made itself, in which nothing of an audit's is left, as sudo, sshd
 * and many daemons do. That image, and what it starts, runs as it would; that nobody looks at it any more is not kept
 * back.
 *
 * trap_p15_scrubbed          by execve with two variables
 * trap_p15_scrubbed after    the image itself
 */
#include "tests/programs/support.h"

int main(int argc, char **argv)
{
	char *const environment[] = {"PATH=/usr/bin:/bin", "TERM=dumb", NULL};
	char *const arguments[] = {argv[0], "after", NULL};
	struct ends ends = ends_open("pair");

	if (!same(argument(argc, argv, 1), "after")) {
		execve("/proc/self/exe", arguments, environment);
		return 1;
	}
	CHECK(getenv("LD_PRELOAD") == NULL && getenv("SOCKSAN_OPTIONS") == NULL);
	CHECK(close(ends.theirs) == 0);
	CHECK_FAILS(send(ends.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
	CHECK(system("exit 0") == 0);
	puts("as ever");
	return 7;
}
