/*
 * Sends more than a half-closed peer takes, so that part of it stays unacknowledged when the call returns: what
 * became of it shows only later.
 *
 * settled_later HOW
 *   lost_at_close        the peer closes without reading: reset; the program closes
 *   lost_at_event        the same; the program reads once more and ends without closing
 *   delivered            the peer reads everything; the program closes
 *   unconfirmed_close    the program closes while bytes are under way
 *   unconfirmed_exit     the program ends while bytes are under way
 *   ok                   the same amount to a peer that shut nothing, and reads it
 */
#include "tests/programs/support.h"

enum { LENGTH = 4 << 20 };

static char bytes[LENGTH];

SITE size_t send_more_than_fits(int fd)
{
	int unsent = 0;
	ssize_t result = send(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	CHECK(result > 0 && result < LENGTH);
	CHECK(ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 && unsent < result);
	return (size_t)result;
}

static void read_all(int fd, size_t length)
{
	while (length > 0) {
		ssize_t count = read(fd, bytes, sizeof bytes);

		CHECK(count > 0);
		length -= (size_t)count;
	}
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	bool ok = same(how, "ok");

	if (!ok) {
		CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
		wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	}
	size_t sent = send_more_than_fits(ends.ours);

	if (ok || same(how, "delivered")) {
		read_all(ends.theirs, sent);
		wait_for_acknowledgement(ends.ours);
		CHECK(ok || tcp_information(ends.ours).tcpi_state == TCP_CLOSE_WAIT);
	} else if (strncmp(how, "lost", 4) == 0) {
		CHECK(close(ends.theirs) == 0);
		wait_for_tcp_state(ends.ours, TCP_CLOSE);
	}
	if (same(how, "unconfirmed_exit"))
		return 0;
	if (same(how, "lost_at_event")) {
		CHECK(read(ends.ours, bytes, 1) == 0);
		_exit(0);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
