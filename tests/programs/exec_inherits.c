/*
 * Opens a connection and becomes another image, which goes on with it.
 *
 * exec_inherits bad       the peer closed before: the new image finds the FIN, and had been told nothing
 * exec_inherits told      the old image had read the end; the new one does not know
 * exec_inherits ok        the new image writes to a peer that is there
 * exec_inherits cloexec   the connection is gone with the old image; the new one opens its own on the same numbers
 */
#include "tests/programs/support.h"
#include <fcntl.h>

SITE void write_in_new_image(int fd)
{
	CHECK(write(fd, "reborn", 6) == 6);
}

static void be_new_image(const char *how, struct ends ends)
{
	char buffer[6];

	if (same(how, "cloexec")) {
		CHECK_FAILS(fcntl(ends.ours, F_GETFD), EBADF);
		ends = ends_open("tcp4");
	}
	write_in_new_image(ends.ours);
	if (same(how, "ok") || same(how, "cloexec")) {
		wait_for_input(ends.theirs, sizeof buffer);
		CHECK(read(ends.theirs, buffer, sizeof buffer) == sizeof buffer);
	}
	CHECK(close(ends.ours) == 0);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	char ours[16], theirs[16], byte;

	if (argc > 3) {
		be_new_image(how, (struct ends){.ours = atoi(argv[2]), .theirs = atoi(argv[3])});
		return 0;
	}
	struct ends ends = ends_open("tcp4");

	if (same(how, "bad") || same(how, "told"))
		peer_closes(ends, "tcp4");
	if (same(how, "told"))
		CHECK(read(ends.ours, &byte, 1) == 0);
	if (same(how, "cloexec")) {
		CHECK(fcntl(ends.ours, F_SETFD, FD_CLOEXEC) == 0);
		CHECK(fcntl(ends.theirs, F_SETFD, FD_CLOEXEC) == 0);
	}
	snprintf(ours, sizeof ours, "%d", ends.ours);
	snprintf(theirs, sizeof theirs, "%d", ends.theirs);
	execl(argv[0], argv[0], how, ours, theirs, (char *)NULL);
	CHECK(!"became the new image");
}
