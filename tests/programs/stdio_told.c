/*
 * Learns by a call on a stream that its peer has gone, and writes all the same.
 *
 * stdio_told EVENT CALL bad    EVENT: end (the peer closed) or reset stdio_told EVENT CALL ok     believes it, and
 * writes nothing stdio_told data CALL         reads what is there and nothing more, then writes into the closing
 * connection: was not told
 */
#include "tests/programs/support.h"
#include <wchar.h>

enum { LENGTH = 8 };

int _IO_getc(FILE *stream);

static char buffer[64];
static char *line;
static size_t line_size;
static volatile size_t length = LENGTH; /* a constant would be read character by character */

/* Each takes all there is, or LENGTH bytes of a line, where there are any; and says whether it got some. */

SITE bool learn_by_fread(FILE *stream)
{
	size_t done = fread(buffer, 1, LENGTH, stream);

	CHECK(done == 0 || done == LENGTH);
	return done;
}

SITE bool learn_by_fread_unlocked(FILE *stream)
{
	size_t done = fread_unlocked(buffer, length, 1, stream);

	CHECK(done <= 1);
	return done;
}

SITE bool learn_by_fgets(FILE *stream)
{
	char *result = fgets(buffer, sizeof buffer, stream);

	CHECK(!result || strlen(buffer) == LENGTH);
	return result;
}

SITE bool learn_by_fgets_unlocked(FILE *stream)
{
	char *result = fgets_unlocked(buffer, sizeof buffer, stream);

	CHECK(!result || strlen(buffer) == LENGTH);
	return result;
}

SITE bool learn_by_getline(FILE *stream)
{
	ssize_t result = getline(&line, &line_size, stream);

	CHECK(result == -1 || result == LENGTH);
	return result > 0;
}

SITE bool learn_by_getdelim(FILE *stream)
{
	ssize_t result = getdelim(&line, &line_size, '\n', stream);

	CHECK(result == -1 || result == LENGTH);
	return result > 0;
}

SITE bool learn_by_fgetc(FILE *stream)
{
	int result = fgetc(stream);

	for (int i = 1; result != EOF && i < LENGTH; i++)
		CHECK(fgetc(stream) != EOF);
	return result != EOF;
}

SITE bool learn_by_getc(FILE *stream)
{
	int result = _IO_getc(stream);

	for (int i = 1; result != EOF && i < LENGTH; i++)
		CHECK(_IO_getc(stream) != EOF);
	return result != EOF;
}

SITE bool learn_by_getc_unlocked(FILE *stream)
{
	int result = getc_unlocked(stream);

	for (int i = 1; result != EOF && i < LENGTH; i++)
		CHECK(getc_unlocked(stream) != EOF);
	return result != EOF;
}

SITE bool learn_by_fscanf(FILE *stream)
{
	int result = fscanf(stream, "%7s%*1[\n]", buffer);

	CHECK(result == EOF || result == 1);
	return result == 1;
}

SITE bool learn_by_fgetws(FILE *stream)
{
	wchar_t wide[64];
	wchar_t *result = fgetws(wide, 64, stream);

	CHECK(!result || wcslen(wide) == LENGTH);
	return result;
}

SITE bool learn_by_fgetwc(FILE *stream)
{
	wint_t result = fgetwc(stream);

	for (int i = 1; result != WEOF && i < LENGTH; i++)
		CHECK(fgetwc(stream) != WEOF);
	return result != WEOF;
}

static const struct {
	const char *name;
	bool (*read)(FILE *stream);
} calls[] = {
	{"fread", learn_by_fread},
	{"fread_unlocked", learn_by_fread_unlocked},
	{"fgets", learn_by_fgets},
	{"fgets_unlocked", learn_by_fgets_unlocked},
	{"getline", learn_by_getline},
	{"getdelim", learn_by_getdelim},
	{"fgetc", learn_by_fgetc},
	{"getc", learn_by_getc},
	{"getc_unlocked", learn_by_getc_unlocked},
	{"fscanf", learn_by_fscanf},
	{"fgetws", learn_by_fgetws},
	{"fgetwc", learn_by_fgetwc},
};

static bool read_by(const char *call, FILE *stream)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (same(calls[i].name, call))
			return calls[i].read(stream);
	CHECK(!"a known call");
	return false;
}

SITE void write_anyway(int fd)
{
	ssize_t result = send(fd, "0123456789", 10, MSG_NOSIGNAL);

	CHECK(result == 10 || errno == EPIPE);
}

int main(int argc, char **argv)
{
	const char *event = argument(argc, argv, 1);
	const char *call = argument(argc, argv, 2);
	struct ends ends = ends_open("tcp4");
	FILE *stream = fdopen(dup(ends.ours), "r");

	CHECK(stream);
	if (same(event, "reset")) {
		peer_resets(ends);
		CHECK(!read_by(call, stream) && errno == ECONNRESET && ferror(stream));
	} else {
		CHECK(send(ends.theirs, "hello_1\nhello_2\n", 2 * LENGTH, 0) == 2 * LENGTH);
		wait_for_input(ends.ours, 2 * LENGTH);
		peer_closes(ends, "tcp4");
		CHECK(read_by(call, stream) && read_by(call, stream));
		if (same(event, "end"))
			CHECK(!read_by(call, stream) && feof(stream));
	}
	if (!same(argument(argc, argv, 3), "ok"))
		write_anyway(ends.ours);
	CHECK(fclose(stream) == 0);
	CHECK(close(ends.ours) == 0);
	free(line);
	return 0;
}
