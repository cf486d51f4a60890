/*
 * Formats text to a peer that has gone, compiled as distributions compile: the calls go to __fprintf_chk and its like.
 *
 * stdio_fortified closed CALL    the TCP peer has closed: the call succeeds, the bytes are lost
 * stdio_fortified broken CALL    the AF_UNIX peer has closed: the call fails
 * stdio_fortified ok CALL        the peer reads them
 */
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 2
#include "tests/programs/support.h"
#include <stdarg.h>

#if defined(__OPTIMIZE__) && (!defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 2)
#error "not fortified: it would test other calls than it says"
#endif

enum { LENGTH = 10 };

SITE int write_by_fprintf(FILE *stream)
{
	int result = fprintf(stream, "%s%d", "01234", 56789);

	CHECK(stream);
	return result;
}

SITE int write_by_vfprintf(FILE *stream, ...)
{
	va_list arguments;
	int result;

	va_start(arguments, stream);
	result = vfprintf(stream, "%s%d", arguments);
	va_end(arguments);
	return result;
}

SITE int write_by_printf(FILE *stream)
{
	int result = printf("%s%d", "01234", 56789);

	CHECK(stream);
	return result;
}

SITE int write_by_dprintf(FILE *stream)
{
	int result = dprintf(fileno(stream), "%s%d", "01234", 56789);

	CHECK(stream);
	return result;
}

static int write_by(const char *call, FILE *stream)
{
	return same(call, "fprintf")    ? write_by_fprintf(stream)
	       : same(call, "vfprintf") ? write_by_vfprintf(stream, "01234", 56789)
	       : same(call, "printf")   ? write_by_printf(stream)
					: write_by_dprintf(stream);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	const char *family = same(how, "broken") ? "pair" : "tcp4";
	struct ends ends = ends_open(family);
	FILE *stream = fdopen(ends.ours, "w");
	char received[LENGTH];

	CHECK(stream && setvbuf(stream, NULL, _IONBF, 0) == 0);
	if (same(argument(argc, argv, 2), "printf")) {
		CHECK(dup2(ends.ours, STDOUT_FILENO) == STDOUT_FILENO);
		CHECK(setvbuf(stdout, NULL, _IONBF, 0) == 0);
	}
	signal(SIGPIPE, SIG_IGN);
	if (!same(how, "ok"))
		peer_closes(ends, family);
	errno = 0;
	int result = write_by(argument(argc, argv, 2), stream);

	if (same(how, "broken"))
		CHECK(result == -1 && errno == EPIPE);
	else
		CHECK(result == LENGTH && errno == 0);
	if (same(how, "ok"))
		CHECK(recv(ends.theirs, received, LENGTH, MSG_WAITALL) == LENGTH);
	CHECK(fclose(stream) == 0);
	return 0;
}
