/*
 * audit_stdio.c: what a stream writes. Of glibc's FILE only what is part of its binary interface is read: the
 * pointers, the descriptor, the orientation and a few flags that have not changed since glibc 2.0
 * (bits/types/struct_FILE.h, libio/libio.h).
 */
#include "shim/stdio/audit_stdio.h"

#include <errno.h>
#include <poll.h>
#include <stdio_ext.h>
#include <string.h>

#include "shim/base/pages.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/trace/trace_log.h"

#define STREAM_UNBUFFERED 0x0002
#define STREAM_NO_WRITES 0x0008
#define STREAM_ERR_SEEN 0x0020
#define STREAM_LINE_BUFFERED 0x0200
#define STREAM_PUTTING 0x0800

/* libc's own walk through its streams, which libstdc++ used and which no header declares any more. */
extern void _IO_list_lock(void);
extern void _IO_list_unlock(void);
extern void *_IO_iter_begin(void);
extern void *_IO_iter_end(void);
extern void *_IO_iter_next(void *place);
extern FILE *_IO_iter_file(void *place);

static bool is_wide(const FILE *stream)
{
	return stream->_mode > 0;
}

/* What waits in the buffer: bytes, or wide characters that are not converted yet. */
static size_t pending_in(FILE *stream)
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

static void look_at_stream(struct audit_output *output, FILE *stream)
{
	output->stream = stream;
	output->flags = stream->_flags;
	output->wide = is_wide(stream);
	output->pending = output->offered = pending_in(stream);
	output->pieces[0].iov_base = stream->_IO_write_base;
	output->pieces[0].iov_len = output->wide ? 0 : output->pending;
	output->pieces[1].iov_len = 0;
}

/* With the stream looked at, and what the call adds noted. */
static bool begin(struct audit_output *output, const char *call, int fd)
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

/* In a stream of wide characters a call for bytes does nothing, and the other way round. */
bool audit_output_begin(
	struct audit_output *output, const struct hook *hook, FILE *stream, const void *data, size_t length)
{
	if (is_wide(stream) || !is_writable_descriptor(stream) || !may_write(stream, data, length))
		return false;
	look_at_stream(output, stream);
	if (length != AUDIT_UNKNOWN) {
		output->offered += length;
		output->pieces[1] = (struct iovec){(void *)(uintptr_t)data, data ? length : 0};
	}
	return begin(output, hook->name, stream->_fileno);
}

bool audit_output_begin_wide(struct audit_output *output, const struct hook *hook, FILE *stream, size_t length)
{
	if (stream->_mode < 0 || !is_writable_descriptor(stream))
		return false;
	look_at_stream(output, stream);
	if (length != AUDIT_UNKNOWN)
		output->offered += length;
	return begin(output, hook->name, stream->_fileno);
}

bool audit_flush_begin(struct audit_output *output, const struct hook *hook, FILE *stream)
{
	if (!is_writable_descriptor(stream) || !pending_in(stream))
		return false;
	look_at_stream(output, stream);
	return begin(output, hook->name, stream->_fileno);
}

bool audit_output_begin_direct(struct audit_output *output, const struct hook *hook, int fd)
{
	output->stream = NULL;
	output->wide = false;
	output->pending = output->offered = 0;
	output->pieces[0].iov_len = output->pieces[1].iov_len = 0;
	return begin(output, hook->name, fd);
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

/* `left` is what is in the buffer now. */
static void end(struct audit_output *output, size_t put, size_t left, bool failed)
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
	size_t left = stream ? pending_in(output->stream) : 0;

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
	end(output, put, left, failed);
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
	size_t left = pending_in(output->stream);

	if (must_have_failed(output, before, saved))
		end(output, 0, left, true);
	else if (output->counted && count_accepted(output, &accepted))
		end(output, left + (size_t)(accepted - output->accepted) - output->pending, left, false);
	else
		end_with(&output->write, 0, 0, saved);
	errno = saved;
}

/* ---- all streams at once ---- */

/* What must be known of a stream to audit a flush of it; only while the list is locked. */
static bool has_output_for_socket(FILE *stream)
{
	return is_writable_descriptor(stream) && pending_in(stream) && !audit_stream_is_other(stream);
}

#define FLUSH_BYTES (AUDIT_FLUSH_ALL * sizeof(struct audit_output))

/* Memory for the outputs, which counts as the caller's frame, of whom `all` is; NULL where there is none to be had. */
static struct audit_output *outputs_of(const struct audit_flush_all *all)
{
	void *memory = thread_lent_and_left();

	if (!memory)
		memory = pages_map(FLUSH_BYTES);
	if (!memory || thread_lend(memory, FLUSH_BYTES, (uintptr_t)all))
		return memory;
	pages_unmap(memory, FLUSH_BYTES); /* a signal handler that interrupted another such call */
	return NULL;
}

static bool is_known(int fd)
{
	uint64_t entry = socket_table_entry(fd);

	return socket_entry_is_open(entry) || socket_entry_is_closed(entry);
}

/*
 * Looks at the streams with output that `all` has room for. Returns how many, and in `*left_out` how many more there
 * are.
 */
static unsigned look_at_streams(struct audit_flush_all *all, int fds[AUDIT_FLUSH_ALL], unsigned *left_out)
{
	unsigned room = all->outputs ? AUDIT_FLUSH_ALL : 0;
	unsigned found = 0;

	*left_out = 0;
	_IO_list_lock();
	for (void *place = _IO_iter_begin(); place != _IO_iter_end(); place = _IO_iter_next(place)) {
		FILE *stream = _IO_iter_file(place);

		if (!has_output_for_socket(stream))
			continue;
		if (found < room) {
			fds[found] = stream->_fileno;
			look_at_stream(&all->outputs[found++], stream);
		} else if (is_known(stream->_fileno)) {
			++*left_out;
		}
	}
	_IO_list_unlock();
	return found;
}

void audit_flush_all_begin(struct audit_flush_all *all, const struct hook *hook)
{
	int fds[AUDIT_FLUSH_ALL];
	unsigned left_out, found;

	all->count = 0;
	all->outputs = NULL;
	found = look_at_streams(all, fds, &left_out);
	if (left_out) {
		all->outputs = outputs_of(all);
		found = look_at_streams(all, fds, &left_out);
	}
	while (left_out--)
		trace_log_lost(TRACE_LOST_NO_MEMORY);
	for (unsigned i = 0; i < found; i++) {
		struct audit_output *output = &all->outputs[all->count];

		*output = all->outputs[i];
		if (begin(output, hook->name, fds[i]))
			all->count++;
	}
}

/* The place of a stream in libc's list, or NULL where it has been closed meanwhile. The list is locked. */
static FILE *find_stream(const FILE *wanted)
{
	for (void *place = _IO_iter_begin(); place != _IO_iter_end(); place = _IO_iter_next(place))
		if (_IO_iter_file(place) == wanted)
			return _IO_iter_file(place);
	return NULL;
}

/*
 * The call failed for one stream at least. One that was in error before shows no more than that: then it was the one
 * where there is no other, or where something was wrong with its connection.
 */
static bool was_the_one(const struct audit_flush_all *all, const struct audit_output *output, int flags)
{
	if (!(flags & STREAM_ERR_SEEN))
		return false;
	return !(output->flags & STREAM_ERR_SEEN) || all->count == 1 || audit_output_is_suspect(output);
}

void audit_flush_all_end(struct audit_flush_all *all, bool failed)
{
	size_t left[AUDIT_FLUSH_ALL] = {0};
	int flags[AUDIT_FLUSH_ALL] = {0};

	_IO_list_lock();
	for (unsigned i = 0; i < all->count; i++) {
		FILE *stream = find_stream(all->outputs[i].stream);

		left[i] = stream ? pending_in(stream) : 0;
		flags[i] = stream ? stream->_flags : 0;
	}
	_IO_list_unlock();
	for (unsigned i = 0; i < all->count; i++)
		end(&all->outputs[i], 0, left[i], failed && was_the_one(all, &all->outputs[i], flags[i]));
	if (!all->outputs)
		return;
	thread_lend(NULL, 0, 0);
	pages_unmap(all->outputs, FLUSH_BYTES);
}

bool audit_flush_is_fatal(const struct audit_output *output)
{
	const struct trace_incident *incident = output->write.incident;

	return incident && incident->sigpipe == TRACE_SIGPIPE_FATAL;
}

bool audit_flush_claim(const struct audit_output *output)
{
	FILE *stream;
	bool locked;

	/*
	 * libc flushes the streams in its own order: one that kills or waits must do so there, not ahead of the
	 * others
	 */
	if (audit_flush_is_fatal(output) || !(output->write.facts.revents & POLLOUT))
		return false;
	_IO_list_lock();
	stream = find_stream(output->stream);
	locked = stream && ftrylockfile(stream) == 0;
	_IO_list_unlock();
	return locked;
}
