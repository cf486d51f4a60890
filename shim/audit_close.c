/*
 * audit_close.c: descriptors that go, and descriptors that multiply.
 *
 * The table lets go of a number before the real close: another thread may get it back from the kernel at once. A vforked child
 * closes numbers of its own, in our memory: it changes nothing here.
 */
#include "shim/audit.h"

#include <errno.h>

#include "shim/backtrace.h"
#include "shim/kernel.h"
#include "shim/process.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

static void end_record(struct socket *socket, uint64_t now_ns)
{
	struct trace_socket *record = socket->record;

	record->closed_ns = now_ns;
	record->end = record->reset_ns ? TRACE_END_RESET : TRACE_END_CLOSED;
}

void audit_close_begin(struct audit_close *close, const char *call, int fd)
{
	uintptr_t entry = socket_table_entry(fd);
	struct socket *socket;
	bool current;

	close->socket = NULL;
	if (entry == ENTRY_UNKNOWN || thread_is_inside() || !process_ready())
		return;
	if (!socket_entry_is_open(entry)) {
		if (entry == ENTRY_OTHER || entry == ENTRY_PASSED)
			socket_table_forget(fd);
		return;
	}
	if (process_is_borrowed())
		return;
	socket = socket_entry_socket(entry);
	current = record_is_current(socket); /* a forked child that only closes what it inherited leaves no trace */
	close->fd = fd;
	close->start_ns = kernel_now_ns();
	if (current && __atomic_load_n(&socket->descriptors, __ATOMIC_ACQUIRE) == 1) {
		if (audit_may_probe() && !audit_verify(socket, fd))
			return;
		audit_last_look(socket, call, fd, close->start_ns);
		socket->record->stack_closed = backtrace_capture();
		end_record(socket, close->start_ns);
	}
	close->socket = socket_table_close(fd, &close->last);
	if (close->socket)
		socket_remember(socket, call, close->start_ns, 0, 0, false);
}

void audit_close_end(struct audit_close *close, int result)
{
	if (!close->socket || result == 0)
		return;
	if (errno == EBADF)
		socket_table_forget(close->fd); /* it had been closed where no hook could see */
}

void audit_close_many(const char *call, unsigned first, unsigned last)
{
	struct audit_close close;
	unsigned limit = (unsigned)socket_table_limit();

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	for (unsigned fd = first; fd <= last && fd < limit; fd++)
		if (socket_table_entry((int)fd) != ENTRY_UNKNOWN)
			audit_close_begin(&close, call, (int)fd);
}

/* ---- several descriptors of one socket ---- */

void audit_duplicated(int from, int to)
{
	struct socket *socket;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	socket = socket_table_find(from);
	if (socket)
		socket_table_open(to, socket);
	else if (socket_table_is_other(from))
		socket_table_set_other(to);
	else
		socket_table_forget(to);
}

void audit_duplicate_over_begin(struct audit_close *close, const char *call, int from, int to)
{
	close->socket = NULL;
	if (from != to)
		audit_close_begin(close, call, to);
}

void audit_duplicate_over_end(struct audit_close *close, int from, int to, int result)
{
	int saved = errno;

	if (result >= 0 && from != to) {
		audit_duplicated(from, to);
	} else if (result < 0 && close->socket) {
		struct socket *socket = close->socket;

		socket_table_reopen(to, socket);
		if (record_is_current(socket)) {
			socket->record->closed_ns = 0;
			socket->record->end = TRACE_END_OPEN;
		}
	}
	errno = saved;
}
