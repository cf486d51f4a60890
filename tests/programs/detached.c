/*
 * Goes into the background as a daemon does: another directory, another session, another process group, every
 * descriptor closed, the standard ones pointed at /dev/null. What it then does is audited as before.
 *
 * detached bad    the daemon writes after its peer closed
 * detached ok     the daemon behaves
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/stat.h>

SITE void write_in_background(int fd)
{
	CHECK(write(fd, "boo", 3) == 3);
}

static void become_daemon(void)
{
	CHECK(setsid() > 0);
	CHECK(chdir("/") == 0);
	umask(0777);
	CHECK(close_range(0, ~0U, 0) == 0);
	CHECK(open("/dev/null", O_RDWR) == 0);
	CHECK(dup(0) == 1 && dup(0) == 2);
}

int main(int argc, char **argv)
{
	pid_t child = fork();

	if (child == 0) {
		become_daemon();
		struct ends ends = ends_open("tcp4");

		if (same(argument(argc, argv, 1), "bad"))
			peer_closes(ends, "tcp4");
		write_in_background(ends.ours);
		CHECK(close(ends.ours) == 0);
		exit(0);
	}
	child_succeeds(child);
	return 0;
}
