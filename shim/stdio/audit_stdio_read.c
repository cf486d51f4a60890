/*
 * audit_stdio_read.c: what a stream reads. No system call is made here: a read by libc shows in the buffer, and the
 * end of the connection in the stream's two flags, which the program sees as well.
 */
#include "shim/audit/audit_read.h"
#include "shim/stdio/audit_stdio.h"

#include <errno.h>

#define STREAM_NO_READS 0x0004
#define STREAM_EOF_SEEN 0x0010
#define STREAM_IN_BACKUP 0x0100 /* reading characters that were pushed back; the buffer waits in `save` */

static size_t available_in(const FILE *stream)
{
	size_t available = (size_t)(stream->_IO_read_end - stream->_IO_read_ptr);

	if (stream->_flags & STREAM_IN_BACKUP)
		available += (size_t)(stream->_IO_save_end - stream->_IO_save_base);
	return available;
}

static bool begin(struct audit_input *input, const struct hook *hook, FILE *stream)
{
	if (stream->_fileno < 0 || stream->_flags & STREAM_NO_READS)
		return false;
	if (!audit_read_begin_slow(&input->read, hook->name, stream->_fileno, false, 0))
		return false;
	input->stream = stream;
	input->flags = stream->_flags;
	input->available = available_in(stream);
	input->end = stream->_IO_read_end;
	input->flushes = audit_flush_begin(&input->flush, hook, stream);
	return true;
}

bool audit_input_begin(struct audit_input *input, const struct hook *hook, FILE *stream, size_t wanted)
{
	if (stream->_mode > 0 || wanted <= (size_t)(stream->_IO_read_end - stream->_IO_read_ptr))
		return false;
	return begin(input, hook, stream);
}

bool audit_input_begin_wide(struct audit_input *input, const struct hook *hook, FILE *stream)
{
	return stream->_mode >= 0 && begin(input, hook, stream);
}

/*
 * How many bytes came from the kernel. Where nobody says how many the program got, it is the last piece that came; of
 * wide characters a piece as long as the one before it goes unseen, since some may have waited where no header lets
 * us look.
 */
static size_t received(const struct audit_input *input, size_t taken, bool failed)
{
	const FILE *stream = input->stream;
	size_t available = available_in(stream);
	bool wide = stream->_mode > 0;
	bool filled = stream->_IO_read_end != input->end || available > input->available ||
		      (!wide && !input->available && !failed);

	if (taken == AUDIT_UNKNOWN || wide)
		return filled ? (size_t)(stream->_IO_read_end - stream->_IO_read_base) : 0;
	return available + taken > input->available ? available + taken - input->available : 0;
}

/* The buffer is written before anything is read: whether it was that which failed. */
static bool flush_failed(const struct audit_input *input, bool error, int number)
{
	return input->flushes && error && (number == EPIPE || audit_output_is_suspect(&input->flush));
}

void audit_input_end(struct audit_input *input, size_t taken, bool failed)
{
	int saved = errno;
	int flags = input->stream->_flags;
	bool at_end = flags & STREAM_EOF_SEEN && !(input->flags & STREAM_EOF_SEEN);
	bool error = flags & STREAM_ERR_SEEN &&
		     (!(input->flags & STREAM_ERR_SEEN) || (failed && !(flags & STREAM_EOF_SEEN)));
	bool unflushed = flush_failed(input, error, saved);
	size_t bytes = received(input, taken, failed);

	if (input->flushes)
		audit_output_end(&input->flush, 0, unflushed);
	if (bytes)
		audit_read_result(&input->read, (ssize_t)bytes);
	if (at_end)
		audit_read_result(&input->read, 0);
	errno = saved;
	if (error && !unflushed)
		audit_read_result(&input->read, -1);
	socket_release(&input->read.hold);
	errno = saved;
}
