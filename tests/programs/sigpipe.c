/*
 * Writes after the peer closed on an AF_UNIX socket, where the kernel answers with EPIPE at once, under each way
 * to deal with SIGPIPE.
 *
 * sigpipe DISPOSITION
 *   handled    a handler runs before the write returns
 *   ignored    SIG_IGN
 *   nosignal   MSG_NOSIGNAL
 *   blocked    the signal stays pending
 *   fatal      by default it ends the process inside the write, which must be in the report all the same
 */
#include "tests/programs/support.h"

SITE void write_into_broken_pipe(int fd, int flags)
{
	CHECK_FAILS(send(fd, "anyone?", 7, flags), EPIPE);
}

int main(int argc, char **argv)
{
	const char *disposition = argument(argc, argv, 1);
	struct ends ends = ends_open("pair");
	sigset_t broken_pipe, pending;

	CHECK(sigemptyset(&broken_pipe) == 0 && sigaddset(&broken_pipe, SIGPIPE) == 0);
	signal(SIGPIPE, same(disposition, "ignored") ? SIG_IGN : SIG_DFL);
	if (same(disposition, "handled"))
		count_sigpipe();
	if (same(disposition, "blocked"))
		CHECK(sigprocmask(SIG_BLOCK, &broken_pipe, NULL) == 0);
	peer_closes(ends, "pair");
	write_into_broken_pipe(ends.ours, same(disposition, "nosignal") ? MSG_NOSIGNAL : 0);

	CHECK(!same(disposition, "fatal"));
	CHECK(sigpipe_count == (same(disposition, "handled") ? 1 : 0));
	CHECK(sigpending(&pending) == 0);
	CHECK(sigismember(&pending, SIGPIPE) == (same(disposition, "blocked") ? 1 : 0));
	CHECK(close(ends.ours) == 0);
	return 0;
}
