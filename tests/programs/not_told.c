/*
 * Does what looks like being told of the peer's close and is not, then writes: a race, not a mistake it could have
 * known of.
 *
 * not_told WAY
 *   zero_read     a read of 0 bytes returns 0, whatever the peer did
 *   timeout       a poll that asks for nothing that has happened
 *   so_error      SO_ERROR that is 0
 *   data          reads the data that lies before the end
 *   record        an empty record of a seqpacket, which is no end
 *   other_socket  is told so of another connection
 *   other_life    was told so of the connection that had this descriptor before
 */
#include "tests/programs/support.h"
#include <poll.h>

static void read_nothing(int fd)
{
	char byte;

	CHECK(read(fd, &byte, 0) == 0);
}

static void poll_for_nothing(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLPRI};

	CHECK(poll(&poller, 1, 0) == 0);
}

static void so_error_clear(int fd)
{
	int error = -1;
	socklen_t length = sizeof error;

	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
}

static void read_data(int fd)
{
	char buffer[64];

	CHECK(read(fd, buffer, sizeof buffer) == 4);
}

static void read_empty_record(int fd)
{
	char byte;

	CHECK(recv(fd, &byte, 1, 0) == 0);
}

static void nothing_of_this_one(int fd)
{
	(void)fd;
}

/* A connection that ends, and whose end is read, on the descriptor that the next connection will have. */
static void live_once(const char *family)
{
	struct ends ends = ends_open(family);
	char byte;

	peer_closes(ends, family);
	CHECK(read(ends.ours, &byte, 1) == 0);
	CHECK(close(ends.ours) == 0);
}

static const struct way {
	const char *name;
	const char *family;
	void (*look)(int fd);
	bool record; /* the record lies there before the peer closes */
} ways[] = {
	{"zero_read", "tcp4", read_nothing, false},
	{"timeout", "tcp4", poll_for_nothing, false},
	{"so_error", "tcp4", so_error_clear, false},
	{"data", "tcp4", read_data, false},
	{"record", "seqpacket", read_empty_record, true},
	{"other_socket", "tcp4", nothing_of_this_one, false},
	{"other_life", "tcp4", nothing_of_this_one, false},
};

SITE void write_in_ignorance(int fd, bool stream)
{
	ssize_t result = send(fd, "as ever", 7, MSG_NOSIGNAL);

	CHECK(stream ? result == 7 : result == -1 && errno == EPIPE);
}

int main(int argc, char **argv)
{
	const struct way *way = ways;
	struct ends other = {.ours = -1};
	char byte;

	while (!same(way->name, argument(argc, argv, 1)))
		CHECK(++way < ways + sizeof ways / sizeof *ways);
	if (same(way->name, "other_life"))
		live_once(way->family);
	if (same(way->name, "other_socket"))
		other = ends_open(way->family);
	struct ends ends = ends_open(way->family);

	if (way->look == read_data)
		CHECK(write(ends.theirs, "data", 4) == 4);
	if (way->record) {
		CHECK(send(ends.theirs, "", 0, 0) == 0);
		way->look(ends.ours);
	}
	if (other.ours >= 0) {
		peer_closes(other, way->family);
		CHECK(read(other.ours, &byte, 1) == 0);
	}
	peer_closes(ends, way->family);
	if (!way->record)
		way->look(ends.ours);
	write_in_ignorance(ends.ours, is_tcp(way->family));
	CHECK(close(ends.ours) == 0);
	return 0;
}
