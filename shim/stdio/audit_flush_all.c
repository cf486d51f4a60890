/* audit_flush_all.c: the streams that a flush of all of them writes, found by libc's own list. */
#include "shim/stdio/audit_flush_all.h"

#include <poll.h>

#include "shim/base/pages.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/stdio/audit_stdio.h"
#include "shim/trace/trace_log.h"

/* libc's own walk through its streams, which libstdc++ used and which no header declares any more. */
extern void _IO_list_lock(void);
extern void _IO_list_unlock(void);
extern void *_IO_iter_begin(void);
extern void *_IO_iter_end(void);
extern void *_IO_iter_next(void *place);
extern FILE *_IO_iter_file(void *place);

/* What must be known of a stream to audit a flush of it; only while the list is locked. */
static bool has_output_for_socket(FILE *stream)
{
	return audit_stream_has_output(stream) && !audit_stream_is_other(stream);
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
			audit_output_look(&all->outputs[found++], stream);
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
		if (audit_output_begin_seen(output, hook->name, fds[i]))
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

		left[i] = stream ? audit_stream_pending(stream) : 0;
		flags[i] = stream ? stream->_flags : 0;
	}
	_IO_list_unlock();
	for (unsigned i = 0; i < all->count; i++)
		audit_output_end_seen(
			&all->outputs[i], 0, left[i], failed && was_the_one(all, &all->outputs[i], flags[i]));
	if (!all->outputs)
		return;
	thread_lend(NULL, 0, 0);
	pages_unmap(all->outputs, FLUSH_BYTES);
}

bool audit_flush_is_fatal(const struct audit_output *output)
{
	const struct trace_incident *incident = output->write.incident;

	return incident && shared_get(incident->sigpipe) == TRACE_SIGPIPE_FATAL;
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
