/*
 * One write by each call on a stream that can make one. libc makes the write itself, below the call.
 *
 * stdio_calls closed CALL    the TCP peer has closed: the call succeeds, the bytes are lost
 * stdio_calls broken CALL    the AF_UNIX peer has closed: the call fails with EPIPE and SIGPIPE; one with wide
 * characters
 *                            need not say so, and fclose tries again
 * stdio_calls ok CALL        the peer reads them
 */
#include "tests/programs/support.h"
#include <stdarg.h>
#include <stdio_ext.h>
#include <wchar.h>

enum { LENGTH = 10, WORD = sizeof(int) };

int _IO_putc(int c, FILE *stream);

static const char bytes[] = "0123456789";

/* All of them write ten bytes, and say whether that went well. */

SITE bool write_by_fwrite(FILE *stream)
{
	size_t done = fwrite(bytes, 1, LENGTH, stream);

	CHECK(done == LENGTH || done == 0);
	return done == LENGTH;
}

SITE bool write_by_fwrite_unlocked(FILE *stream)
{
	size_t done = fwrite_unlocked(bytes, 2, LENGTH / 2, stream);

	CHECK(done == LENGTH / 2 || done == 0);
	return done == LENGTH / 2;
}

SITE bool write_by_fputs(FILE *stream)
{
	int result = fputs(bytes, stream);

	CHECK(result >= 0 || result == EOF);
	return result >= 0;
}

SITE bool write_by_fputs_unlocked(FILE *stream)
{
	int result = fputs_unlocked(bytes, stream);

	CHECK(result >= 0 || result == EOF);
	return result >= 0;
}

SITE bool write_by_fprintf(FILE *stream)
{
	int result = fprintf(stream, "%s%d", "01234", 56789);

	CHECK(result == LENGTH || result == -1);
	return result == LENGTH;
}

SITE bool formatted(FILE *stream, const char *format, ...)
{
	va_list arguments;
	int result;

	va_start(arguments, format);
	result = vfprintf(stream, format, arguments);
	va_end(arguments);
	CHECK(result == LENGTH || result == -1);
	return result == LENGTH;
}

SITE bool write_by_vfprintf(FILE *stream)
{
	bool done = formatted(stream, "%s%d", "01234", 56789);

	CHECK(stream);
	return done;
}

SITE bool write_by_dprintf(FILE *stream)
{
	int result = dprintf(fileno(stream), "%s%d", "01234", 56789);

	CHECK(result == LENGTH || result == -1);
	return result == LENGTH;
}

SITE bool formatted_directly(int fd, const char *format, ...)
{
	va_list arguments;
	int result;

	va_start(arguments, format);
	result = vdprintf(fd, format, arguments);
	va_end(arguments);
	CHECK(result == LENGTH || result == -1);
	return result == LENGTH;
}

SITE bool write_by_vdprintf(FILE *stream)
{
	bool done = formatted_directly(fileno(stream), "%s%d", "01234", 56789);

	CHECK(stream);
	return done;
}

SITE bool write_by_putw(FILE *stream)
{
	int result = putw(0x30313233, stream);

	CHECK(result == 0 || result == EOF);
	return result == 0;
}

SITE bool write_by_fputws(FILE *stream)
{
	int result = fputws(L"012345678\n", stream);

	CHECK(result >= 0 || result == -1);
	return result >= 0;
}

SITE bool write_by_fwprintf(FILE *stream)
{
	int result = fwprintf(stream, L"%s%d\n", "0123", 45678);

	CHECK(result == LENGTH || result == -1);
	return result == LENGTH;
}

/* Ten bytes fill the buffer; the next one has to make room. */
static char small_buffer[LENGTH];

static void fill(FILE *stream)
{
	CHECK(setvbuf(stream, small_buffer, _IOFBF, sizeof small_buffer) == 0);
	for (int i = 0; i < LENGTH; i++)
		CHECK(putc_unlocked(bytes[i], stream) == bytes[i]);
}

static bool made_room(FILE *stream, int result)
{
	CHECK(result == '!' || result == EOF);
	__fpurge(stream);
	return result != EOF;
}

SITE bool write_by_fputc(FILE *stream)
{
	fill(stream);
	return made_room(stream, fputc('!', stream));
}

SITE bool write_by_putc(FILE *stream)
{
	fill(stream);
	return made_room(stream, _IO_putc('!', stream));
}

SITE bool write_by_putc_unlocked(FILE *stream)
{
	fill(stream);
	return made_room(stream, putc_unlocked('!', stream));
}

static void buffer(FILE *stream)
{
	CHECK(fwrite(bytes, 1, LENGTH, stream) == LENGTH);
}

static bool flushed(int result)
{
	CHECK(result == 0 || result == EOF);
	return result == 0;
}

SITE bool write_by_fflush(FILE *stream)
{
	buffer(stream);
	return flushed(fflush(stream));
}

SITE bool write_by_fflush_unlocked(FILE *stream)
{
	buffer(stream);
	return flushed(fflush_unlocked(stream));
}

SITE bool write_by_fflush_all(FILE *stream)
{
	buffer(stream);
	return flushed(fflush(NULL));
}

SITE bool write_by_fcloseall(FILE *stream)
{
	buffer(stream);
	return flushed(fcloseall());
}

SITE bool write_by_flushlbf(FILE *stream)
{
	CHECK(setvbuf(stream, NULL, _IOLBF, 4096) == 0);
	CHECK(fwrite(bytes, 1, LENGTH, stream) == LENGTH);
	_flushlbf();
	return !ferror(stream);
}

/* Neither has a position to go to on a socket; but the buffer is written before that is found out. */
SITE bool write_by_fseek(FILE *stream)
{
	buffer(stream);
	CHECK(fseek(stream, 0, SEEK_CUR) == -1 && (errno == ESPIPE || errno == EPIPE));
	return errno == ESPIPE;
}

SITE bool write_by_rewind(FILE *stream)
{
	buffer(stream);
	errno = 0;
	rewind(stream);
	CHECK(errno == ESPIPE || errno == EPIPE);
	return errno == ESPIPE;
}

SITE bool write_by_setvbuf(FILE *stream)
{
	buffer(stream);
	return flushed(setvbuf(stream, NULL, _IONBF, 0));
}

static const struct {
	const char *name;
	bool (*write)(FILE *stream);
	int buffering; /* what it needs for the write to be made at once, or as the stream comes */
} calls[] = {
	{"fwrite", write_by_fwrite, _IONBF},
	{"fwrite_unlocked", write_by_fwrite_unlocked, _IONBF},
	{"fputs", write_by_fputs, _IONBF},
	{"fputs_unlocked", write_by_fputs_unlocked, _IONBF},
	{"fprintf", write_by_fprintf, _IONBF},
	{"vfprintf", write_by_vfprintf, _IONBF},
	{"dprintf", write_by_dprintf, _IONBF},
	{"vdprintf", write_by_vdprintf, _IONBF},
	{"putw", write_by_putw, _IONBF},
	{"fputws", write_by_fputws, _IOLBF},
	{"fwprintf", write_by_fwprintf, _IOLBF},
	{"fputc", write_by_fputc, _IOFBF},
	{"putc", write_by_putc, _IOFBF},
	{"putc_unlocked", write_by_putc_unlocked, _IOFBF},
	{"fflush", write_by_fflush, _IOFBF},
	{"fflush_unlocked", write_by_fflush_unlocked, _IOFBF},
	{"fflush_all", write_by_fflush_all, _IOFBF},
	{"fcloseall", write_by_fcloseall, _IOFBF},
	{"flushlbf", write_by_flushlbf, _IOFBF},
	{"fseek", write_by_fseek, _IOFBF},
	{"rewind", write_by_rewind, _IOFBF},
	{"setvbuf", write_by_setvbuf, _IOFBF},
};

static size_t length_of(const char *call)
{
	return same(call, "putw") ? WORD : LENGTH;
}

static bool write_by(const char *call, FILE *stream)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (same(calls[i].name, call)) {
			if (calls[i].buffering != _IOFBF)
				CHECK(setvbuf(stream, NULL, calls[i].buffering, 0) == 0);
			return calls[i].write(stream);
		}
	CHECK(!"a known call");
	return false;
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	const char *call = argument(argc, argv, 2);
	const char *family = same(how, "broken") ? "pair" : "tcp4";
	struct ends ends = ends_open(family);
	FILE *stream = fdopen(ends.ours, "w");
	char received[LENGTH];

	CHECK(stream);
	count_sigpipe();
	if (same(how, "ok")) {
		CHECK(write_by(call, stream));
		CHECK(recv(ends.theirs, received, length_of(call), MSG_WAITALL) == (ssize_t)length_of(call));
	} else {
		peer_closes(ends, family);
		bool done = write_by(call, stream);

		CHECK(done == same(how, "closed") || fwide(stream, 0) > 0);
		CHECK(sigpipe_count == same(how, "broken"));
	}
	/* glibc keeps wide characters that were refused, and says so when it is too late */
	int result = fclose(stream);

	CHECK(result == 0 || (errno == EPIPE && sigpipe_count == 2));
	return 0;
}
