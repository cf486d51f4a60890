/*
 * A connection that parent and child share.
 *
 * fork_shares closes       the child closes its copy, which is no disconnect: the parent writes on
 * fork_shares writes       the child writes after the peer closed: the incident is the child's
 * fork_shares told         the parent had read the end before the fork: the child's program had been told
 * fork_shares shuts        the child shuts the writing half, which shuts it for both; then the parent writes
 * fork_shares own          the child opens its own connection and loses its write there
 */
#include "tests/programs/support.h"

SITE void write_to_closed_peer(int fd)
{
	CHECK(write(fd, "is it mine?", 11) == 11);
}

SITE void write_after_shutdown_by_child(int fd)
{
	CHECK_FAILS(send(fd, "mine!", 5, MSG_NOSIGNAL), EPIPE);
}

static void be_child(const char *how, struct ends ends)
{
	if (same(how, "closes")) {
		CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	} else if (same(how, "shuts")) {
		CHECK(shutdown(ends.ours, SHUT_WR) == 0);
	} else {
		if (same(how, "own")) {
			ends = ends_open("tcp4");
			peer_closes(ends, "tcp4");
		}
		write_to_closed_peer(ends.ours);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	bool goes = same(how, "writes") || same(how, "told");
	char buffer[11];

	if (goes)
		peer_closes(ends, "tcp4");
	if (same(how, "told"))
		CHECK(read(ends.ours, buffer, 1) == 0);
	pid_t child = fork();

	if (child == 0)
		be_child(how, ends);
	child_succeeds(child);
	if (same(how, "shuts")) {
		wait_for_tcp_state(ends.ours, TCP_FIN_WAIT2);
		write_after_shutdown_by_child(ends.ours);
	} else if (!goes) {
		write_to_closed_peer(ends.ours);
		CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
