/*
 * audit_close.c: descriptors that go.
 *
 * The table lets go of a number before the real close: another thread may get it back from the kernel at once. A
 * vforked child closes numbers of its own, in our memory: it changes nothing here.
 */
#include "shim/audit/audit_close.h"

#include <errno.h>

#include "shim/audit/audit_closed.h"
#include "shim/audit/audit_epoll.h"
#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace.h"
#include "shim/verdict/halt.h"

void (*audit_other_closed)(int fd);

static void end_record(struct trace_socket *record, uint64_t now_ns)
{
	shared_set(record->closed_ns, now_ns);
	shared_set(record->end, shared_get(record->reset_ns) ? TRACE_END_RESET : TRACE_END_CLOSED);
}

static void set_nothing(struct audit_close *close, const char *call, int fd)
{
	close->hold.socket = close->socket = close->before = NULL;
	close->owner = (struct quarantine_owner){0, 0};
	close->kept = close->unknown = close->last = false;
	close->call = call;
	close->fd = fd;
}

/* The number means no socket. Of one that the program closed before, that one is held. */
static void begin_other(struct audit_close *close, uint64_t entry)
{
	void (*follower)(int fd);

	if (socket_hold_any(&close->hold, close->fd) && socket_entry_is_closed(close->hold.entry)) {
		close->before = close->hold.socket;
		close->kept = quarantine_holds(close->fd);
		if (close->kept)
			close->owner = quarantine_owner(close->fd);
		return;
	}
	socket_release(&close->hold);
	close->unknown = socket_entry_kind(entry) == ENTRY_UNKNOWN;
	if (close->unknown)
		return;
	socket_table_forget_entry(close->fd, entry);
	follower = __atomic_load_n(&audit_other_closed, __ATOMIC_ACQUIRE);
	if (follower)
		follower(close->fd);
}

/* What is to be known of a socket before its descriptor goes. Returns false where the descriptor is not its own. */
static bool look_before(struct audit_close *close)
{
	struct socket_hold *hold = &close->hold;
	bool last = __atomic_load_n(&hold->socket->descriptors, __ATOMIC_ACQUIRE) == 1;
	trace_ref stack;

	/* a forked child that only closes what it inherited leaves no trace */
	if (!record_is_current(hold->socket))
		return true;
	if (last && !audit_verify(hold))
		return false;
	if (last)
		audit_last_look(hold, close->call, close->start_ns);
	stack = backtrace_capture();
	audit_note_close(hold, stack, close->start_ns);
	if (!last)
		return true;
	shared_set(hold->record->stack_closed, stack);
	end_record(hold->record, close->start_ns);
	quarantine_drop_owner(hold->record);
	return true;
}

void audit_close_begin(struct audit_close *close, const char *call, int fd)
{
	uint64_t entry = socket_table_entry(fd);

	set_nothing(close, call, fd);
	if (thread_is_inside() || fd < 0 || !process_ready())
		return;
	audit_follow_run(fd);
	if (!socket_hold_open(&close->hold, fd)) {
		begin_other(close, entry);
		return;
	}
	if (process_is_borrowed()) {
		socket_release(&close->hold);
		return;
	}
	close->start_ns = kernel_now_ns();
	if (!look_before(close)) {
		socket_release(&close->hold);
		return;
	}
	socket_note_ending();
	audit_epoll_closed(close->hold.socket);
	if (!socket_table_close(fd, close->hold.entry, &close->last)) {
		socket_release(&close->hold);
		return;
	}
	close->socket = close->hold.socket;
	socket_remember(close->socket, call, close->start_ns, 0, 0, false);
}

bool audit_close_instead(struct audit_close *close, int *result)
{
	if (close->socket && quarantine_close(close->fd)) {
		*result = 0;
		return true;
	}
	if (close->kept) {
		errno = EBADF;
		*result = -1;
		return true;
	}
	return false;
}

void audit_close_by_libc_begin(struct audit_close *close, const char *call, int fd)
{
	audit_close_begin(close, call, fd);
	if (close->kept && !process_is_borrowed())
		quarantine_let_go(fd);
}

int audit_close_by_libc_end(struct audit_close *close, int result)
{
	if (close->kept) { /* it closed the placeholder */
		errno = EBADF;
		result = -1;
	}
	audit_close_end(close, result);
	return result;
}

static void end(struct audit_close *close, int result, int error)
{
	if (close->socket)
		socket_note_ending(); /* once more, now that it is done: another thread may have probed meanwhile */
	if (result == 0 && close->before && !close->kept && !process_is_borrowed())
		socket_table_forget_entry(close->fd, close->hold.entry); /* it had been something else since */
	if (result == 0 || error != EBADF || close->fd < 0 || thread_is_inside())
		return;
	if (close->socket)
		socket_table_forget_closed(close->fd, close->socket); /* it had been closed where no hook could see */
	else if (close->before)
		audit_double_close(close);
	else if (close->unknown)
		audit_is_a_sweep();
}

void audit_close_end(struct audit_close *close, int result)
{
	int saved = errno;

	end(close, result, saved);
	halt_if_due();
	socket_release(&close->hold);
	errno = saved;
}

void audit_shut_down_failed(const struct hook *hook, int fd)
{
	int saved = errno;
	struct audit_close shut;

	if (saved != EBADF || !socket_entry_is_closed(socket_table_entry(fd)) || thread_is_inside() || !process_ready())
		return;
	set_nothing(&shut, hook->name, fd);
	begin_other(&shut, ENTRY_UNKNOWN);
	if (shut.before)
		audit_double_close(&shut);
	socket_release(&shut.hold);
	errno = saved;
}

void audit_close_many(const char *call, unsigned first, unsigned last)
{
	struct audit_close close;
	unsigned limit = (unsigned)socket_table_limit();

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	for (unsigned fd = first; fd <= last && fd < limit; fd++) {
		if (socket_entry_kind(socket_table_entry((int)fd)) == ENTRY_UNKNOWN)
			continue;
		audit_close_begin(&close, call, (int)fd);
		socket_release(&close.hold);
		quarantine_let_go((int)fd);
	}
}

void audit_close_undone(struct audit_close *close)
{
	if (close->socket) {
		socket_table_reopen(close->fd, close->socket);
		if (record_is_current(close->socket) && socket_hold_is_ours(&close->hold)) {
			shared_set(close->hold.record->closed_ns, 0);
			shared_set(close->hold.record->end, TRACE_END_OPEN);
		}
	}
	socket_release(&close->hold);
}

void audit_closed_already(const struct socket_hold *hold, const char *call)
{
	uint64_t now_ns = kernel_now_ns();
	trace_ref stack;
	bool last;

	if (!process_ready() || process_is_borrowed() || !socket_table_close(hold->fd, hold->entry, &last))
		return;
	socket_note_ending();
	socket_remember(hold->socket, call, now_ns, 0, 0, false);
	if (!record_is_current(hold->socket))
		return;
	stack = backtrace_capture();
	audit_note_close(hold, stack, now_ns);
	if (last) {
		shared_set(hold->record->stack_closed, stack);
		end_record(hold->record, now_ns);
		quarantine_drop_owner(hold->record);
	}
}

/* ---- several descriptors of one socket ---- */

void audit_duplicated(int from, int to, uint64_t turn)
{
	struct socket_hold hold;

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	if (socket_hold_open(&hold, from)) {
		if (socket_entry_is_older(hold.entry, turn))
			socket_table_open(to, hold.socket);
		else
			socket_table_forget(
				to); /* which socket was doubled nobody can tell: it is looked at when it is used */
		socket_release(&hold);
	} else if (socket_table_is_other(from)) {
		socket_table_set_other(to);
	} else {
		socket_table_forget(to);
	}
}

void audit_duplicate_over_begin(struct audit_close *close, const char *call, int from, int to)
{
	set_nothing(close, call, to);
	if (from == to || (socket_table_is_open(to) && !thread_is_inside() && !probe_is_open(from)))
		return; /* closes nothing, or will fail */
	audit_close_begin(close, call, to);
	close->before = NULL; /* a number that is closed is as good a target as any */
	close->kept = close->kept && !process_is_borrowed() && quarantine_let_go(to);
}

void audit_duplicate_over_end(struct audit_close *close, int from, int to, int result, uint64_t turn)
{
	int saved = errno;

	if (result >= 0 && from != to) {
		audit_duplicated(from, to, turn);
	} else if (result < 0 && close->kept) {
		quarantine_take_back(to);
	} else if (result < 0) {
		audit_close_undone(close);
	}
	socket_release(&close->hold);
	errno = saved;
}
