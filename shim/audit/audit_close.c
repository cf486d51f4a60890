/*
 * audit_close.c: descriptors that go.
 *
 * The table lets go of a number before the real close: another thread may get it back from the kernel at once. A
 * vforked child closes numbers of its own, in our memory: it changes nothing here.
 *
 * A close of a number that the program had closed already is an incident, but for one custom: a sweep over all numbers,
 * whatever there is. A sweep goes number by number and meets some that were never open; once it does, what was said of
 * it is taken back.
 */
#include "shim/audit/audit.h"

#include <errno.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"

#define ACCUSED_MAX (sizeof(thread_state.accused) / sizeof(*thread_state.accused))

static void end_record(struct trace_socket *record, uint64_t now_ns)
{
	record->closed_ns = now_ns;
	record->end = record->reset_ns ? TRACE_END_RESET : TRACE_END_CLOSED;
}

/* ---- where a number was closed ---- */

/*
 * A record tells where its last descriptor was closed. Of a socket with several, the one that is used by mistake may be
 * another: so each close is noted by its number, until one with the same remainder takes its place.
 */
#define NOTES 1024u

static struct note {
	uint32_t changes; /* odd while it is being written */
	int fd;
	uint64_t life; /* of the socket */
	uint64_t t_ns;
	trace_ref stack;
} notes[NOTES];

/* Of two threads that note at the same place at the same time, one does. */
static void note_close(const struct socket_hold *hold, trace_ref stack, uint64_t now_ns)
{
	struct note *note = &notes[(uint32_t)hold->fd % NOTES];
	uint32_t changes = __atomic_load_n(&note->changes, __ATOMIC_RELAXED) & ~1u;

	if (!__atomic_compare_exchange_n(
		    &note->changes, &changes, changes + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&note->fd, hold->fd, __ATOMIC_RELAXED);
	__atomic_store_n(&note->life, hold->life, __ATOMIC_RELAXED);
	__atomic_store_n(&note->t_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&note->stack, stack, __ATOMIC_RELAXED);
	__atomic_store_n(&note->changes, changes + 2, __ATOMIC_RELEASE);
}

static void name_close(struct incident_call *call)
{
	const struct note *note = &notes[(uint32_t)call->fd % NOTES];
	uint32_t changes = __atomic_load_n(&note->changes, __ATOMIC_ACQUIRE);
	uint64_t t_ns = __atomic_load_n(&note->t_ns, __ATOMIC_RELAXED);
	trace_ref stack = __atomic_load_n(&note->stack, __ATOMIC_RELAXED);

	if (!call->socket || changes % 2 || __atomic_load_n(&note->fd, __ATOMIC_RELAXED) != call->fd ||
		__atomic_load_n(&note->life, __ATOMIC_RELAXED) != call->socket->life)
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&note->changes, __ATOMIC_RELAXED) != changes)
		return;
	call->stack_closed = stack;
	call->closed_ns = t_ns;
}

/* ---- sweeps ---- */

void audit_run_is_over(void)
{
	for (; thread_state.accused_count; thread_state.accused_count--)
		halt_consider(thread_state.accused[thread_state.accused_count - 1]);
	thread_state.sweeping = false;
}

/* Keeps track of this thread's run of closes. */
static void follow_run(int fd)
{
	int step = fd - thread_state.last_closed_fd;

	if (step != 1 && step != -1)
		audit_run_is_over();
	thread_state.last_closed_fd = fd;
}

/* `last`: an incident that is not among the accused, or NULL. */
static void is_a_sweep(void *last)
{
	thread_state.sweeping = true;
	if (last)
		incident_void(last);
	for (; thread_state.accused_count; thread_state.accused_count--)
		incident_void(thread_state.accused[thread_state.accused_count - 1]);
}

/* ---- one close ---- */

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
	audit_uring_raw_closed(close->fd);
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
	note_close(hold, stack, close->start_ns);
	if (!last)
		return true;
	hold->record->stack_closed = stack;
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
	follow_run(fd);
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

void audit_name_close(struct incident_call *call)
{
	name_close(call);
	if (!quarantine_holds(call->fd))
		return;
	call->verdict.flags |= TRACE_INCIDENT_QUARANTINE;
	call->owner = quarantine_owner(call->fd);
	if (call->owner.record && call->verdict.kind == TRACE_WRITE_AFTER_CLOSE)
		call->verdict.kind = TRACE_WRITE_TO_REUSED_FD;
}

/* The number meant a socket of ours until this program closed it; now it is closed a second time. */
static void report_double_close(struct audit_close *close)
{
	struct incident_call call = {
		.socket = close->before,
		.record = close->hold.record,
		.call = close->call,
		.fd = close->fd,
		.t_ns = kernel_now_ns(),
		.verdict = {.kind = TRACE_DOUBLE_CLOSE, .knowledge = TRACE_TOLD},
	};
	struct trace_incident *incident;
	bool fresh;

	/* what the parent had closed before the fork is no business of the child's */
	if (!record_is_current(close->before) || thread_state.sweeping || process_is_borrowed())
		return;
	name_close(&call);
	if (close->kept)
		call.verdict.flags |= TRACE_INCIDENT_QUARANTINE;
	call.owner = close->owner;
	incident = incident_announce(&call, &fresh);
	incident_reject(incident, &call, EBADF, TRACE_SIGPIPE_NONE);
	/* halts only when the run is over: that it was part of a sweep, the closes that follow tell */
	if (!incident || !fresh)
		return;
	if (thread_state.accused_count < ACCUSED_MAX)
		thread_state.accused[thread_state.accused_count++] = incident;
	else /* so many in a row, number by number */
		is_a_sweep(incident);
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
		report_double_close(close);
	else if (close->unknown)
		is_a_sweep(NULL);
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
		report_double_close(&shut);
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
			close->hold.record->closed_ns = 0;
			close->hold.record->end = TRACE_END_OPEN;
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
	note_close(hold, stack, now_ns);
	if (last) {
		hold->record->stack_closed = stack;
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
