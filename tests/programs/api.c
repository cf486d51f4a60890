/*
 * A program that knows of socksan.h: a runtime would tell of the writes that it throws away like this, a test runner of
 * its tests.
 *
 * api bad    under the name of a test it writes to two connections that were reset, and adds what it was doing to one
 * of
 *            these incidents; it swallows three writes, and tells of them, with another word later; it writes after the
 *            test
 * api ok     a named test that writes well: nothing was counted, and nothing is told
 */
#include "shim/socksan.h"
#include "tests/programs/support.h"

SITE void write_in_vain(int fd)
{
	CHECK_FAILS(send(fd, "in vain", 7, MSG_NOSIGNAL), EPIPE);
}

SITE void write_elsewhere(int fd)
{
	CHECK_FAILS(send(fd, "elsewhere", 9, MSG_NOSIGNAL), EPIPE);
}

SITE void write_under_no_name(int fd)
{
	CHECK_FAILS(send(fd, "whose?", 6, MSG_NOSIGNAL), EPIPE);
}

static struct ends reset_connection(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	peer_resets(ends);
	CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	return ends;
}

static void write_to_both(struct ends one, struct ends other)
{
	uint64_t before = socksan_incident_count ? socksan_incident_count() : 0;

	write_in_vain(one.ours);
	write_elsewhere(other.ours);
	if (socksan_incident_count)
		CHECK(socksan_incident_count() == before + 2);
	if (socksan_annotate && socksan_socket_id)
		socksan_annotate(before, socksan_socket_id(one.ours), "asked for at: the keep-alive");
}

static void swallow(uint64_t socket)
{
	uint64_t incident;

	if (!socksan_dropped_write || !socksan_dropped_again || !socksan_amend)
		return;
	incident =
		socksan_dropped_write(-1, socket, 4, 1, "lost: own close", "  File \"app.rt\", line 12 in keep_alive");
	CHECK(incident);
	socksan_dropped_again(incident, 4);
	socksan_dropped_again(incident, 4);
	socksan_amend(incident, "lost: own close\nruntime: ours");
}

static void name(const char *test)
{
	errno = 7;
	if (socksan_label)
		socksan_label(test);
	CHECK(errno == 7);
}

int main(int argc, char **argv)
{
	if (same(argument(argc, argv, 1), "ok")) {
		struct ends ends = ends_open("tcp4");

		name("test_ok");
		CHECK(write(ends.ours, "hello", 5) == 5);
		name(NULL);
		CHECK(!socksan_incident_count || socksan_incident_count() == 0);
		CHECK(!socksan_socket_id || (socksan_socket_id(ends.ours) && !socksan_socket_id(-1)));
	} else {
		struct ends one = reset_connection(), other = reset_connection();
		uint64_t socket = socksan_socket_id ? socksan_socket_id(one.ours) : 0;

		name("test_reconnect");
		write_to_both(one, other);
		CHECK(close(one.ours) == 0);
		swallow(socket);
		name("");
		write_under_no_name(other.ours);
	}
	return 0;
}
