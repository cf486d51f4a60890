/*
 * What counts as a write on a stream: not what goes into its buffer, but what comes out of it.
 *
 * stdio_buffers lost FAMILY      buffers three lines, flushes them to a peer that has closed, and three more
 * stdio_buffers pieces           one fwrite that libc makes in two writes: the first is lost, the second refused
 * stdio_buffers lines            line by line: each line is a write, what comes before its end is not
 * stdio_buffers both             a stream to read and write: fgets writes the answer before it waits for a question
 * stdio_buffers formats          formats that are not to be formatted twice, to a peer that has gone
 * stdio_buffers idle             buffers lines for a peer that has closed, and thinks better of it
 * stdio_buffers ok               all of this to a peer that reads; the counts are right
 * stdio_buffers threads          four threads with one stream
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <stdio_ext.h>

enum { LINES = 3, PIECES = 20000, THREADS = 4, TIMES = 200 };

SITE void buffer_lines(FILE *stream)
{
	for (int i = 0; i < LINES; i++)
		CHECK(fprintf(stream, "line %d\n", i) == 7);
}

SITE int flush_lines(FILE *stream)
{
	int result = fflush(stream);

	CHECK(result == 0 || result == EOF);
	return result;
}

static void lose(FILE *stream, struct ends ends, const char *family)
{
	buffer_lines(stream);
	peer_closes(ends, family);
	if (is_tcp(family)) {
		CHECK(flush_lines(stream) == 0);
		wait_for_tcp_state(ends.ours, TCP_CLOSE);
		buffer_lines(stream);
	}
	errno = 0;
	CHECK(flush_lines(stream) == EOF && errno == EPIPE && ferror(stream));
	CHECK(flush_lines(stream) == 0); /* glibc keeps nothing of what was refused */
}

SITE void write_in_pieces(FILE *stream)
{
	static char bytes[PIECES];
	size_t done;

	CHECK(putc('!', stream) == '!'); /* the buffer goes first */
	done = fwrite(bytes, 1, PIECES - 1, stream);
	CHECK(done < PIECES - 1 && errno == EPIPE);
	__fpurge(stream);
}

SITE void write_lines(FILE *stream)
{
	setlinebuf(stream);
	CHECK(fputs("no end", stream) >= 0);
	CHECK(fputs(" yet", stream) >= 0);
	CHECK(fputs(", now\nand", stream) >= 0);
	__fpurge(stream);
}

SITE void answer_and_wait(FILE *stream)
{
	char question[16];

	CHECK(fputs("an answer\n", stream) >= 0);
	CHECK(fseek(stream, 0, SEEK_CUR) == -1);
	CHECK(fputs("another\n", stream) >= 0);
	CHECK(!fgets(question, sizeof question, stream));
}

/* %n must be carried out once, and as far as libc gets. */
SITE void format_once(FILE *stream)
{
	int count = 0;
	int result = fprintf(stream, "%d%n times", 12, &count);

	CHECK(result == -1 && errno == EPIPE && count == 2);
	result = fprintf(stream, "%5.*f%% of %-*s, %jd\n", 1, 99.5, 8, "all", (intmax_t)-1);
	CHECK(result == -1 && errno == EPIPE);
	errno = 0;
	result = dprintf(fileno(stream), "%s", "");
	CHECK(result == 0 && errno == 0);
}

SITE void think_better(FILE *stream)
{
	for (int i = 0; i < 100; i++)
		CHECK(fprintf(stream, "%d\n", i) > 0);
	__fpurge(stream);
	CHECK(fflush(stream) == 0);
}

static void expect_input(int fd, int bytes)
{
	char buffer[1024];

	CHECK(recv(fd, buffer, (size_t)bytes, MSG_WAITALL) == bytes);
}

/* Five writes, of 21, 7, 1, 10 and 6 bytes. */
static void behave_well(FILE *stream, struct ends ends)
{
	buffer_lines(stream);
	CHECK(flush_lines(stream) == 0);
	expect_input(ends.theirs, 21);
	CHECK(flush_lines(stream) == 0);
	setlinebuf(stream);
	CHECK(fprintf(stream, "line %d", 0) == 6);
	CHECK(fputs("\n", stream) >= 0);
	expect_input(ends.theirs, 7);
	CHECK(setvbuf(stream, NULL, _IONBF, 0) == 0);
	CHECK(putc('!', stream) == '!');
	CHECK(fprintf(stream, "%s", "a message,") == 10);
	CHECK(dprintf(ends.ours, "%s", "direct") == 6);
	expect_input(ends.theirs, 17);
	CHECK(fwrite("", 1, 0, stream) == 0 && fputs("", stream) >= 0);
}

static void *write_much(void *stream)
{
	for (int i = 0; i < TIMES; i++) {
		CHECK(fprintf(stream, "%s %03d\n", "a line", i) == 11);
		if (i % 10 == 0)
			CHECK(fflush(stream) == 0);
	}
	return NULL;
}

static void write_from_threads(FILE *stream, struct ends ends)
{
	pthread_t threads[THREADS];
	char buffer[4096];
	size_t all = 0;

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, write_much, stream) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(fclose(stream) == 0);
	for (ssize_t n; (n = read(ends.theirs, buffer, sizeof buffer)) > 0;)
		all += (size_t)n;
	CHECK(all == THREADS * TIMES * 11);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	const char *family = same(how, "lost") ? argument(argc, argv, 2) : same(how, "formats") ? "pair" : "tcp4";
	struct ends ends = ends_open(family);
	FILE *stream = fdopen(ends.ours, "r+");

	CHECK(stream);
	signal(SIGPIPE, SIG_IGN);
	if (same(how, "threads")) {
		write_from_threads(stream, ends);
		return 0;
	}
	if (same(how, "lost")) {
		lose(stream, ends, family);
	} else if (same(how, "ok")) {
		behave_well(stream, ends);
	} else {
		peer_closes(ends, family);
		if (same(how, "pieces"))
			write_in_pieces(stream);
		else if (same(how, "lines"))
			write_lines(stream);
		else if (same(how, "both"))
			answer_and_wait(stream);
		else if (same(how, "formats"))
			CHECK(setvbuf(stream, NULL, _IONBF, 0) == 0), format_once(stream);
		else
			think_better(stream);
	}
	CHECK(fclose(stream) == 0);
	return 0;
}
