/*
 * audit_stdio.c: what a stream writes. Of glibc's FILE only what is part of its binary interface is read: the
 * pointers, the descriptor, the orientation and a few flags that have not changed since glibc 2.0
 * (bits/types/struct_FILE.h, libio/libio.h).
 */
#include "shim/stdio/audit_stdio.h"

#include <errno.h>
#include <stdio_ext.h>
#include <string.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_write.h"
#include "shim/socket/probe.h"

#define STREAM_UNBUFFERED 0x0002
#define STREAM_NO_WRITES 0x0008
#define STREAM_LINE_BUFFERED 0x0200
#define STREAM_PUTTING 0x0800

static bool is_wide(const FILE *stream)
{
	return stream->_mode > 0;
}

size_t audit_stream_pending(FILE *stream)
{
	if (is_wide(stream))
		return __fpending(stream);
	return stream->_IO_write_ptr > stream->_IO_write_base ? (size_t)(stream->_IO_write_ptr - stream->_IO_write_base)
							      : 0;
}

/*
 * Whether the call may do more than copy into the buffer (libio/fileops.c, _IO_new_file_xsputn and
 * _IO_new_file_overflow). Line by line a newline is written at once, and `write_end` says nothing.
 */
static bool may_write(const FILE *stream, const void *data, size_t length)
{
	if (stream->_flags & STREAM_UNBUFFERED)
		return true;
	if (!(stream->_flags & STREAM_LINE_BUFFERED))
		return length > (size_t)(stream->_IO_write_end - stream->_IO_write_ptr);
	return !(stream->_flags & STREAM_PUTTING) || length > (size_t)(stream->_IO_buf_end - stream->_IO_write_ptr) ||
	       !data || memchr(data, '\n', length);
}

/*
 * The kernel's count of the bytes it has accepted on a TCP connection: those that are acknowledged and those that are
 * not.
 */
static bool count_accepted(const struct audit_output *output, uint64_t *accepted)
{
	const struct socket *socket = output->write.socket;
	struct probe_tcp tcp;

	if (!socket || socket->protocol != TRACE_TCP || !audit_may_probe() || !probe_tcp(output->write.fd, &tcp) ||
		!probe_knows_acked(&tcp) || !socket_hold_is_current(&output->write.hold))
		return false;
	*accepted = tcp.acked_bytes + tcp.unacked_bytes;
	return true;
}

void audit_output_look(struct audit_output *output, FILE *stream)
{
	output->stream = stream;
	output->flags = stream->_flags;
	output->wide = is_wide(stream);
	output->pending = output->offered = audit_stream_pending(stream);
	output->pieces[0].iov_base = stream->_IO_write_base;
	output->pieces[0].iov_len = output->wide ? 0 : output->pending;
	output->pieces[1].iov_len = 0;
}

bool audit_output_begin_seen(struct audit_output *output, const char *call, int fd)
{
	struct payload payload = payload_vector(output->pieces, 2);

	if (output->pieces[0].iov_len + output->pieces[1].iov_len != output->offered)
		payload = payload_none(output->offered);
	if (!audit_write_begin_slow(&output->write, call, fd, payload, 0))
		return false;
	output->counted = audit_output_is_suspect(output) && count_accepted(output, &output->accepted);
	return true;
}

static bool is_writable_descriptor(const FILE *stream)
{
	return stream->_fileno >= 0 && !(stream->_flags & STREAM_NO_WRITES);
}

bool audit_stream_has_output(FILE *stream)
{
	return is_writable_descriptor(stream) && audit_stream_pending(stream);
}

/* In a stream of wide characters a call for bytes does nothing, and the other way round. */
bool audit_output_begin(
	struct audit_output *output, const struct hook *hook, FILE *stream, const void *data, size_t length)
{
	if (is_wide(stream) || !is_writable_descriptor(stream) || !may_write(stream, data, length))
		return false;
	audit_output_look(output, stream);
	if (length != AUDIT_UNKNOWN) {
		output->offered += length;
		output->pieces[1] = (struct iovec){(void *)(uintptr_t)data, data ? length : 0};
	}
	return audit_output_begin_seen(output, hook->name, stream->_fileno);
}

bool audit_output_begin_wide(struct audit_output *output, const struct hook *hook, FILE *stream, size_t length)
{
	if (stream->_mode < 0 || !is_writable_descriptor(stream))
		return false;
	audit_output_look(output, stream);
	if (length != AUDIT_UNKNOWN)
		output->offered += length;
	return audit_output_begin_seen(output, hook->name, stream->_fileno);
}

bool audit_flush_begin(struct audit_output *output, const struct hook *hook, FILE *stream)
{
	if (!audit_stream_has_output(stream))
		return false;
	audit_output_look(output, stream);
	return audit_output_begin_seen(output, hook->name, stream->_fileno);
}

bool audit_output_begin_direct(struct audit_output *output, const struct hook *hook, int fd)
{
	output->stream = NULL;
	output->wide = false;
	output->pending = output->offered = 0;
	output->pieces[0].iov_len = output->pieces[1].iov_len = 0;
	return audit_output_begin_seen(output, hook->name, fd);
}

bool audit_stream_is_buffered(const FILE *stream)
{
	return !(stream->_flags & (STREAM_UNBUFFERED | STREAM_LINE_BUFFERED));
}

bool audit_output_is_suspect(const struct audit_output *output)
{
	return !output->write.closed && output->write.verdict.kind;
}

void audit_output_resize(struct audit_output *output, size_t length)
{
	if (length == AUDIT_UNKNOWN)
		return;
	output->offered = output->pending + length;
	audit_write_resize(&output->write, output->offered);
}

/*
 * Errors that stdio makes itself, without having tried to write: no room for a buffer, a bad format, unread input in
 * the way.
 */
static bool is_of_stdio(int error)
{
	return error == ESPIPE || error == EILSEQ || error == EOVERFLOW || error == EINVAL || error == ENOMEM;
}

static void end_with(struct audit_write *write, size_t offered, ssize_t result, int error)
{
	audit_write_resize(write, offered);
	errno = error;
	audit_write_end(write, result);
}

/*
 * One call of the program, several of libc: some bytes were taken before the write that failed, which is a second
 * one.
 */
static void end_in_two(struct audit_output *output, size_t accepted, int error)
{
	size_t rest = output->offered > accepted ? output->offered - accepted : 0;
	const char *call = output->write.call;
	int fd = output->write.fd;

	end_with(&output->write, accepted, (ssize_t)accepted, error);
	if (!is_of_stdio(error) && audit_write_begin_slow(&output->write, call, fd, payload_none(rest), 0))
		end_with(&output->write, rest, -1, error);
}

static void end_failed(struct audit_output *output, int error)
{
	uint64_t accepted;

	if (output->counted && count_accepted(output, &accepted) && accepted > output->accepted)
		end_in_two(output, (size_t)(accepted - output->accepted), error);
	else if (is_of_stdio(error))
		audit_write_cancel(&output->write);
	else
		end_with(&output->write, output->offered, -1, error);
}

void audit_output_end_seen(struct audit_output *output, size_t put, size_t left, bool failed)
{
	size_t had = output->pending + put;
	uint64_t accepted;
	int saved = errno;

	if (failed) {
		end_failed(output, saved);
	} else if (had <= left) {
		audit_write_cancel(&output->write);
	} else {
		size_t written = had - left;

		if (output->wide && output->counted && count_accepted(output, &accepted))
			written = (size_t)(accepted - output->accepted);
		end_with(&output->write, written, (ssize_t)written, saved);
	}
	errno = saved;
}

void audit_output_end(struct audit_output *output, size_t put, bool failed)
{
	const FILE *stream = output->stream;
	size_t left = stream ? audit_stream_pending(output->stream) : 0;

	if (output->pending + put > output->offered)
		output->offered = output->pending + put;
	/* since glibc 2.37 a wide format whose write fails returns -1, not a count, and its characters stay in the buffer */
	if (left > output->offered)
		output->offered = left;
	/*
	 * line by line, wide characters are written without a look at the result (libio/wfileops.c, _IO_wfile_xsputn)
	 */
	if (stream && stream->_flags & STREAM_ERR_SEEN && !(output->flags & STREAM_ERR_SEEN))
		failed = true;
	audit_output_end_seen(output, put, left, failed);
}

/* errno can be an old one; then the stream's flag, or what the socket had to answer, decides. */
static bool must_have_failed(const struct audit_output *output, int before, int error)
{
	const struct audit_write *write = &output->write;

	if (!classify_is_end(error))
		return false;
	return error != before || output->stream->_flags & STREAM_ERR_SEEN ||
	       (!write->closed && classify_expects_epipe(&write->verdict, &write->facts));
}

void audit_output_end_unmeasured(struct audit_output *output, int before)
{
	int saved = errno;
	uint64_t accepted;
	size_t left = audit_stream_pending(output->stream);

	if (must_have_failed(output, before, saved))
		audit_output_end_seen(output, 0, left, true);
	else if (output->counted && count_accepted(output, &accepted))
		audit_output_end_seen(
			output, left + (size_t)(accepted - output->accepted) - output->pending, left, false);
	else
		end_with(&output->write, 0, 0, saved);
	errno = saved;
}
