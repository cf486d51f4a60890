/*
 * Ends a stream that still has bytes for a peer that has gone: fclose writes them, and is the last to hear of it.
 *
 * stdio_close lost CALL      over TCP: fclose (or freopen) reports success, the bytes are lost
 * stdio_close broken CALL    over AF_UNIX: fclose says EPIPE; what freopen was refused it keeps to itself
 * stdio_close fatal          SIGPIPE ends the process inside fclose
 * stdio_close stale          the descriptor was closed behind the stream's back
 * stdio_close ok CALL        the peer reads them
 */
#include "tests/programs/support.h"

enum { LENGTH = 10 };

static FILE *reopened;

static FILE *buffered(int fd)
{
	FILE *stream = fdopen(fd, "w");

	CHECK(stream && fputs("0123456789", stream) >= 0);
	return stream;
}

SITE int end_by_fclose(FILE *stream)
{
	int result = fclose(stream);

	CHECK(result == 0 || result == EOF);
	return result;
}

/* The stream, and its descriptor, are a file's from here on. */
SITE int end_by_freopen(FILE *stream)
{
	int fd = fileno(stream);

	reopened = freopen("/dev/null", "w", stream);
	CHECK(reopened && fileno(reopened) == fd);
	for (int i = 0; i < 3; i++)
		CHECK(fputs("to a file", reopened) >= 0 && fflush(reopened) == 0);
	return 0;
}

/* The file cannot be opened: the connection is closed all the same. */
SITE int end_by_failed_freopen(FILE *stream)
{
	CHECK(!freopen("/nowhere/at all", "w", stream) && errno == ENOENT);
	return 0;
}

static int end_by(const char *call, FILE *stream)
{
	return same(call, "freopen")          ? end_by_freopen(stream)
	       : same(call, "failed_freopen") ? end_by_failed_freopen(stream)
					      : end_by_fclose(stream);
}

SITE void end_stale(FILE *stream)
{
	CHECK(close(fileno(stream)) == 0);
	errno = 0;
	CHECK(fclose(stream) == EOF && errno == EBADF);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	const char *call = argument(argc, argv, 2);
	const char *family = same(how, "broken") || same(how, "fatal") ? "pair" : "tcp4";
	struct ends ends = ends_open(family);
	FILE *stream = buffered(ends.ours);
	char received[LENGTH];

	if (same(how, "fatal")) {
		peer_closes(ends, family);
		end_by_fclose(stream);
		CHECK(!"lived on");
	}
	count_sigpipe();
	if (same(how, "stale")) {
		end_stale(stream);
		return 0;
	}
	if (!same(how, "ok"))
		peer_closes(ends, family);
	errno = 0;
	int result = end_by(call, stream);

	if (same(how, "broken")) {
		CHECK(sigpipe_count == 1);
		CHECK(result == (same(call, "fclose") ? EOF : 0));
		CHECK(!same(call, "fclose") || errno == EPIPE);
	} else {
		CHECK(result == 0 && sigpipe_count == 0);
	}
	if (same(how, "ok")) {
		CHECK(recv(ends.theirs, received, LENGTH, MSG_WAITALL) == LENGTH);
		CHECK(read(ends.theirs, received, 1) == 0);
	}
	if (reopened)
		CHECK(fclose(reopened) == 0);
	return 0;
}
