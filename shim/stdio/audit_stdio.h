/*
 * audit_stdio.h: the way of a call on a stream (stdio). What libc itself reads and writes below fwrite, fgets or
 * fflush passes no hook (docs/KERNEL.md P12), so the call that the program made is audited as a whole: the socket is
 * looked at before it, and how many bytes went to the kernel, or came from it, is read off the stream's buffer before
 * and after. A call that only filled the buffer leaves no trace.
 *
 * No lock is taken on a stream: of two threads that use one stream at the same time one may be given the other's
 * flush, or neither. What the kernel said of the socket is right for both. A wide character counts as one byte where
 * the kernel's own count is not at hand.
 *
 * Nothing here changes errno, or anything in a stream.
 */
#ifndef SOCKSAN_AUDIT_STDIO_H
#define SOCKSAN_AUDIT_STDIO_H

#include <stdio.h>

#include "shim/audit/audit_read.h"
#include "shim/audit/audit_write.h"

#define AUDIT_UNKNOWN ((size_t)-1) /* a length that shows only afterwards */
#define STREAM_ERR_SEEN 0x0020 /* in a stream's flags: a call on it failed (libio/libio.h _IO_ERR_SEEN) */

/* The fast way out: this stream's descriptor was looked at and is no socket. Faults where the real call would. */
static inline bool audit_stream_is_other(const FILE *stream)
{
	return __builtin_expect(socket_table_is_other(stream->_fileno), 1);
}

/* ---- output ---- */

struct audit_output {
	struct audit_write write;
	FILE *stream; /* NULL: one of libc's own */
	int flags; /* the stream's, before the call */
	bool wide;
	size_t pending; /* in the buffer before the call */
	size_t offered; /* what the call may write, as far as is known */
	bool counted; /* the kernel's count was taken before the call */
	uint64_t accepted; /* that count */
	struct iovec pieces[2]; /* the buffer, and what the call adds to it: what `write.payload` points to */
};

/*
 * Before a call that puts `length` bytes at `data` into a stream (NULL: bytes that cannot be looked at;
 * AUDIT_UNKNOWN: not known how many). Returns false where it is nothing to audit: no socket, or the buffer has room
 * for all of it. Then audit_output_end must not be called.
 */
bool audit_output_begin(
	struct audit_output *output, const struct hook *hook, FILE *stream, const void *data, size_t length);

/* The same for `length` wide characters. */
bool audit_output_begin_wide(struct audit_output *output, const struct hook *hook, FILE *stream, size_t length);

/* Before a call that writes what is in the buffer and adds nothing: false where the buffer is empty. */
bool audit_flush_begin(struct audit_output *output, const struct hook *hook, FILE *stream);

/*
 * Before a call that writes to a descriptor by way of a stream of libc's own (dprintf); it shows afterwards how much.
 */
bool audit_output_begin_direct(struct audit_output *output, const struct hook *hook, int fd);

/* Whether the length alone decides if a text is written now or kept in the buffer. */
bool audit_stream_is_buffered(const FILE *stream);

/*
 * Whether something is wrong with the connection, so that it is worth finding out how many bytes the call will offer.
 */
bool audit_output_is_suspect(const struct audit_output *output);

/* How many bytes the call puts in, found out after audit_output_begin and before the call; or AUDIT_UNKNOWN. */
void audit_output_resize(struct audit_output *output, size_t length);

/*
 * After it: the call put `put` bytes (or wide characters) into the stream, and failed or not; errno as it left it. With
 * nothing written all that was announced is withdrawn.
 */
void audit_output_end(struct audit_output *output, size_t put, bool failed);

/*
 * After a call that says neither how much it put into the stream nor whether it failed; errno was `before` before it.
 */
void audit_output_end_unmeasured(struct audit_output *output, int before);

/* ---- its steps, for audit_flush_all.c ---- */

/* What waits in the buffer: bytes, or wide characters that are not converted yet. */
size_t audit_stream_pending(FILE *stream);

/* Whether something waits in it, and the stream may be written to. */
bool audit_stream_has_output(FILE *stream);

/* Notes what is in the stream before the call; then, as audit_output_begin, with what the call adds noted as well. */
void audit_output_look(struct audit_output *output, FILE *stream);
bool audit_output_begin_seen(struct audit_output *output, const char *call, int fd);

/* As audit_output_end, where `left` is in the buffer now. */
void audit_output_end_seen(struct audit_output *output, size_t put, size_t left, bool failed);

/* ---- input ---- */

struct audit_input {
	struct audit_read read;
	struct audit_output flush; /* a stream used both ways writes its buffer before it reads */
	bool flushes;
	FILE *stream;
	int flags; /* the stream's, before the call */
	size_t available; /* bytes to be had without the kernel, before the call */
	const char *end; /* of those bytes */
};

/*
 * Before a call that takes bytes from a stream; `wanted` is how many are enough for it, AUDIT_UNKNOWN where that
 * depends on what they are. Returns false where it is nothing to audit: no socket, or they are in the buffer already.
 */
bool audit_input_begin(struct audit_input *input, const struct hook *hook, FILE *stream, size_t wanted);

/* The same for a call that takes wide characters. */
bool audit_input_begin_wide(struct audit_input *input, const struct hook *hook, FILE *stream);

/* After it: the program got `taken` bytes (AUDIT_UNKNOWN: some), or the call failed; errno as it left it. */
void audit_input_end(struct audit_input *input, size_t taken, bool failed);

#endif
