/*
 * The number of a dead connection is used again, for one that lives. What was known of the first life must not be
 * held against the second: this program is honest, and the report is silent.
 *
 * fd_reuse WAY
 *   close       by close and a new connection
 *   dup2        by dup2 of the new connection over the old
 *   unseen      by a close that goes through no function, so that no audit can have seen it
 *   file        the number now names a file
 *   reset       the first life was reset and its write had failed
 */
#include "tests/programs/support.h"
#include <sys/mman.h>

static void close_unseen(int fd)
{
	CHECK(call_unseen(SYS_close, fd, 0, 0, 0) == 0);
}

SITE void write_in_second_life(int fd)
{
	CHECK(write(fd, "reborn", 6) == 6);
}

static void die_once(struct ends ends, bool by_reset)
{
	char byte;

	if (by_reset) {
		peer_resets(ends);
		CHECK_FAILS(read(ends.ours, &byte, 1), ECONNRESET);
	} else {
		peer_closes(ends, "tcp4");
		CHECK(read(ends.ours, &byte, 1) == 0);
	}
}

/* A new connection, or a file, whose number is that of the old connection. */
static struct ends second_life(const char *way, int number)
{
	struct ends new;

	if (same(way, "file")) {
		new.theirs = -1;
		do
			new.ours = memfd_create("file", 0);
		while (new.ours >= 0 && new.ours < number);
		return new;
	}
	new = ends_open("tcp4");
	if (same(way, "dup2")) {
		CHECK(dup2(new.ours, number) == number);
		CHECK(close(new.ours) == 0);
		new.ours = number;
	}
	return new;
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	struct ends old = ends_open("tcp4");
	char buffer[6];

	die_once(old, same(way, "reset"));
	if (same(way, "unseen"))
		close_unseen(old.ours);
	else if (!same(way, "dup2"))
		CHECK(close(old.ours) == 0);
	struct ends new = second_life(way, old.ours);

	CHECK(new.ours == old.ours);
	write_in_second_life(new.ours);
	if (new.theirs >= 0)
		CHECK(recv(new.theirs, buffer, sizeof buffer, MSG_WAITALL) == 6);
	CHECK(close(new.ours) == 0);
	return 0;
}
