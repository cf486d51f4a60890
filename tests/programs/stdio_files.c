/*
 * Streams that are no connection: files, pipes, memory, streams without a descriptor; and calls that fail before
 * anything is written. Nothing of it is to be reported, and every result is libc's own.
 *
 * stdio_files all stdio_files refused     a stream on a socket that is not open for what is asked of it stdio_files
 * unread      a stream with unread input cannot be written to stdio_files wide        calls for bytes on a stream of
 * wide characters
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <wchar.h>

static void use_file(void)
{
	FILE *stream = fdopen(memfd_create("file", MFD_CLOEXEC), "w+");
	char text[32];
	int number;

	CHECK(stream && fprintf(stream, "%d %s\n", 42, "lines") == 9);
	CHECK(fseek(stream, 0, SEEK_SET) == 0);
	CHECK(fscanf(stream, "%d %31s", &number, text) == 2 && number == 42 && same(text, "lines"));
	CHECK(fgetc(stream) == '\n' && fgetc(stream) == EOF && feof(stream));
	rewind(stream);
	CHECK(ungetc('x', stream) == 'x' && fgetc(stream) == 'x');
	CHECK(fgets(text, sizeof text, stream) == text && same(text, "42 lines\n"));
	CHECK(ftell(stream) == 9 && fclose(stream) == 0);
}

static void use_pipe(void)
{
	int ends[2];

	CHECK(pipe(ends) == 0);
	FILE *stream = fdopen(ends[1], "w");

	CHECK(stream && fputs("pipe", stream) >= 0 && fflush(stream) == 0);
	CHECK(close(ends[0]) == 0);
	CHECK(fputs("broken", stream) >= 0);
	errno = 0;
	CHECK(fclose(stream) == EOF && errno == EPIPE);
}

static ssize_t refuse(void *cookie, const char *bytes, size_t size)
{
	(void)cookie;
	(void)bytes;
	(void)size;
	errno = EPIPE;
	return 0;
}

static void use_no_descriptor(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	CHECK(stream && fprintf(stream, "%s", "memory") == 6 && fclose(stream) == 0);
	CHECK(size == 6 && same(text, "memory"));
	free(text);
	stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = refuse});
	CHECK(stream && fputs("cookie", stream) >= 0);
	CHECK(fflush(NULL) == EOF && fflush(stream) == 0);
	CHECK(fclose(stream) == 0);
}

static void use_full_disk(void)
{
	FILE *stream = fopen("/dev/full", "w");

	CHECK(stream && fputs("too much", stream) >= 0);
	errno = 0;
	CHECK(fflush(stream) == EOF && errno == ENOSPC);
	CHECK(fclose(stream) == 0);
}

static void refused(int fd)
{
	FILE *reader = fdopen(fd, "r");
	FILE *writer = fdopen(dup(fd), "w");

	errno = 0;
	CHECK(reader && fputs("text", reader) == EOF && errno == EBADF);
	errno = 0;
	CHECK(fprintf(reader, "%d", 1) == -1 && errno == EBADF);
	errno = 0;
	CHECK(writer && fgetc(writer) == EOF && errno == EBADF);
	CHECK(fclose(reader) == 0 && fclose(writer) == 0);
}

static void unread(int fd, int theirs)
{
	FILE *stream = fdopen(fd, "r+");
	char text[8];

	CHECK(send(theirs, "one\ntwo\n", 8, 0) == 8);
	wait_for_input(fd, 8);
	CHECK(stream && fgets(text, sizeof text, stream) == text && same(text, "one\n"));
	CHECK(close(theirs) == 0);
	wait_for_tcp_state(fd, TCP_CLOSE_WAIT);
	CHECK(fputs("answer\n", stream) >= 0);
	errno = 0;
	CHECK(fflush(stream) == EOF && errno == ESPIPE);
	CHECK(fclose(stream) == EOF || errno == ESPIPE);
}

static void wide(int fd)
{
	FILE *stream = fdopen(fd, "r+");

	CHECK(stream && fwide(stream, 1) > 0);
	CHECK(fputs("bytes", stream) == EOF && fprintf(stream, "%d", 1) == -1 && fgetc(stream) == EOF);
	CHECK(fwrite("bytes", 1, 5, stream) == 0);
	CHECK(fclose(stream) == 0);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");

	signal(SIGPIPE, SIG_IGN);
	if (same(how, "unread")) {
		unread(ends.ours, ends.theirs);
		return 0;
	}
	peer_closes(ends, "tcp4");
	if (same(how, "refused")) {
		refused(ends.ours);
	} else if (same(how, "wide")) {
		wide(ends.ours);
	} else {
		use_file();
		use_pipe();
		use_no_descriptor();
		use_full_disk();
	}
	return 0;
}
