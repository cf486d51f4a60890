/*
 * Writes on an AF_UNIX socket after the peer closed: row H. Unlike TCP the kernel refuses the first write already.
 *
 * row_h_unix_peer_close FAMILY bad      unix, seqpacket, pair or seqpair
 * row_h_unix_peer_close FAMILY unread   the peer left our data unread: to a read it is a reset
 * row_h_unix_peer_close FAMILY ok       writes in time, then reads the end
 */
#include "tests/programs/support.h"

/* Of seqpackets, data left unread turns the refusal into ECONNRESET; and even their EPIPE raises no signal. */
SITE void write_after_unix_close(int fd, bool stream, bool unread)
{
	CHECK_FAILS(write(fd, "anyone?", 7), unread && !stream ? ECONNRESET : EPIPE);
	CHECK(sigpipe_count == (stream ? 1 : 0));
}

static void write_in_time(int fd)
{
	CHECK(write(fd, "hello", 5) == 5);
}

int main(int argc, char **argv)
{
	const char *family = argument(argc, argv, 1);
	const char *how = argument(argc, argv, 2);
	struct ends ends = ends_open(family);
	char buffer[5];

	count_sigpipe();
	if (!same(how, "bad"))
		write_in_time(ends.ours);
	if (same(how, "ok"))
		CHECK(read(ends.theirs, buffer, sizeof buffer) == 5);
	peer_closes(ends, family);
	if (same(how, "ok"))
		CHECK(read(ends.ours, buffer, sizeof buffer) == 0);
	else
		write_after_unix_close(ends.ours, socket_type(family) == SOCK_STREAM, same(how, "unread"));
	CHECK(close(ends.ours) == 0);
	return 0;
}
