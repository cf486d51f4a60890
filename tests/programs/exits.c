/*
 * Loses a write, is refused another, and ends at once without closing anything: the report has both, whatever the
 * end.
 *
 * exits HOW   return, exit, _exit, quick_exit, abort, kill, exec
 */
#include "tests/programs/support.h"
#include <sys/resource.h>

SITE void lose_a_write(int fd)
{
	CHECK(write(fd, "first", 5) == 5);
	wait_for_tcp_state(fd, TCP_CLOSE);
}

SITE void be_refused(int fd)
{
	CHECK_FAILS(send(fd, "second", 6, MSG_NOSIGNAL), EPIPE);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");

	CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){0}) == 0);
	peer_closes(ends, "tcp4");
	lose_a_write(ends.ours);
	be_refused(ends.ours);
	if (same(how, "exit"))
		exit(0);
	if (same(how, "_exit"))
		_exit(0);
	if (same(how, "quick_exit"))
		quick_exit(0);
	if (same(how, "abort"))
		abort();
	if (same(how, "kill"))
		raise(SIGKILL);
	if (same(how, "exec"))
		execl("/bin/true", "true", (char *)NULL);
	CHECK(same(how, "return"));
	return 0;
}
