/*
 * audit_close.c: descriptors that go.
 *
 * The table lets go of a number before the real close: another thread may get it back from the kernel at once. A vforked child
 * closes numbers of its own, in our memory: it changes nothing here.
 *
 * A close of a number that the program had closed already is an incident, but for one custom: a sweep over all numbers, whatever
 * there is. A sweep goes number by number and meets some that were never open; once it does, what was said of it is taken back.
 */
#include "shim/audit.h"

#include <errno.h>

#include "shim/backtrace.h"
#include "shim/incident.h"
#include "shim/kernel.h"
#include "shim/probe.h"
#include "shim/process.h"
#include "shim/quarantine.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

#define ACCUSED_MAX (sizeof(thread_state.accused) / sizeof(*thread_state.accused))

static void end_record(struct socket *socket, uint64_t now_ns)
{
	struct trace_socket *record = socket->record;

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
	int fd;
	trace_ref record;
	trace_ref stack;
	uint64_t t_ns;
} notes[NOTES];

static void note_close(const struct socket *socket, int fd, trace_ref stack, uint64_t now_ns)
{
	notes[(uint32_t)fd % NOTES] = (struct note){fd, trace_log_ref(socket->record), stack, now_ns};
}

static void name_close(struct incident_call *call)
{
	const struct note *note = &notes[(uint32_t)call->fd % NOTES];

	if (!call->socket || note->fd != call->fd || note->record != trace_log_ref(call->socket->record))
		return;
	call->stack_closed = note->stack;
	call->closed_ns = note->t_ns;
}

/* ---- sweeps ---- */

/* Keeps track of this thread's run of closes. */
static void follow_run(int fd)
{
	int step = fd - thread_state.last_closed_fd;

	if (step != 1 && step != -1) {
		thread_state.sweeping = false;
		thread_state.accused_count = 0;
	}
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

void audit_close_begin(struct audit_close *close, const char *call, int fd)
{
	uintptr_t entry = socket_table_entry(fd);
	struct socket *socket;

	close->socket = close->before = NULL;
	close->owner = NULL;
	close->kept = false;
	close->unknown = entry == ENTRY_UNKNOWN;
	close->fd = fd;
	if (thread_is_inside() || fd < 0 || !process_ready())
		return;
	follow_run(fd);
	if (!socket_entry_is_open(entry)) {
		if (socket_entry_is_closed(entry)) {
			close->before = socket_entry_socket(entry);
			close->kept = quarantine_holds(fd);
			close->owner = close->kept ? quarantine_owner(fd) : NULL;
		} else if (entry != ENTRY_UNKNOWN) {
			socket_table_forget(fd);
			audit_uring_raw_closed(fd);
		}
		close->call = call;
		return;
	}
	if (process_is_borrowed())
		return;
	socket = socket_entry_socket(entry);
	close->start_ns = kernel_now_ns();
	/* a forked child that only closes what it inherited leaves no trace */
	if (record_is_current(socket)) {
		bool last = __atomic_load_n(&socket->descriptors, __ATOMIC_ACQUIRE) == 1;
		trace_ref stack;

		if (last && !audit_verify(socket, fd))
			return;
		if (last)
			audit_last_look(socket, call, fd, close->start_ns);
		stack = backtrace_capture();
		note_close(socket, fd, stack, close->start_ns);
		if (last) {
			socket->record->stack_closed = stack;
			end_record(socket, close->start_ns);
			quarantine_drop_owner(socket);
		}
	}
	socket_note_ending();
	close->socket = socket_table_close(fd, &close->last);
	if (close->socket)
		socket_remember(socket, call, close->start_ns, 0, 0, false);
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
	if (call->owner && call->verdict.kind == TRACE_WRITE_AFTER_CLOSE)
		call->verdict.kind = TRACE_WRITE_TO_REUSED_FD;
}

/* The number meant a socket of ours until this program closed it; now it is closed a second time. */
static void report_double_close(struct audit_close *close)
{
	struct incident_call call = {
		.socket = close->before,
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
	/* never halts: that it was part of a sweep, only the closes that follow can tell */
	if (!incident || !fresh)
		return;
	if (thread_state.accused_count < ACCUSED_MAX)
		thread_state.accused[thread_state.accused_count++] = incident;
	else /* so many in a row, number by number */
		is_a_sweep(incident);
}

void audit_close_end(struct audit_close *close, int result)
{
	int saved = errno;

	if (close->socket)
		socket_note_ending(); /* once more, now that it is done: another thread may have probed meanwhile */
	if (result == 0 && close->before && !close->kept)
		socket_table_forget_closed(close->fd, close->before); /* it had been something else since */
	if (result == 0 || saved != EBADF || close->fd < 0 || thread_is_inside())
		return;
	if (close->socket)
		socket_table_forget(close->fd); /* it had been closed where no hook could see */
	else if (close->before)
		report_double_close(close);
	else if (close->unknown)
		is_a_sweep(NULL);
	errno = saved;
}

void audit_shut_down_failed(const struct hook *hook, int fd)
{
	int saved = errno;
	uintptr_t entry = socket_table_entry(fd);
	struct audit_close shut = {.call = hook->name, .fd = fd};

	if (saved != EBADF || !socket_entry_is_closed(entry) || thread_is_inside() || !process_ready())
		return;
	shut.before = socket_entry_socket(entry);
	shut.kept = quarantine_holds(fd);
	shut.owner = shut.kept ? quarantine_owner(fd) : NULL;
	report_double_close(&shut);
	errno = saved;
}

void audit_close_many(const char *call, unsigned first, unsigned last)
{
	struct audit_close close;
	unsigned limit = (unsigned)socket_table_limit();

	if (thread_is_inside() || !process_ready() || process_is_borrowed())
		return;
	for (unsigned fd = first; fd <= last && fd < limit; fd++) {
		if (socket_table_entry((int)fd) == ENTRY_UNKNOWN)
			continue;
		audit_close_begin(&close, call, (int)fd);
		quarantine_let_go((int)fd);
	}
}

void audit_close_undone(struct audit_close *close)
{
	struct socket *socket = close->socket;

	if (!socket)
		return;
	socket_table_reopen(close->fd, socket);
	if (record_is_current(socket)) {
		socket->record->closed_ns = 0;
		socket->record->end = TRACE_END_OPEN;
	}
}

void audit_closed_already(struct socket *socket, const char *call, int fd)
{
	uint64_t now_ns = kernel_now_ns();
	bool last;

	if (!process_ready() || process_is_borrowed() || socket_table_close(fd, &last) != socket)
		return;
	socket_note_ending();
	socket_remember(socket, call, now_ns, 0, 0, false);
	if (!record_is_current(socket))
		return;
	note_close(socket, fd, backtrace_capture(), now_ns);
	if (last) {
		socket->record->stack_closed = notes[(uint32_t)fd % NOTES].stack;
		end_record(socket, now_ns);
		quarantine_drop_owner(socket);
	}
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
	close->socket = close->before = NULL;
	close->kept = false;
	if (from == to || (socket_table_find(to) && !thread_is_inside() && !probe_is_open(from)))
		return; /* closes nothing, or will fail */
	audit_close_begin(close, call, to);
	close->before = NULL; /* a number that is closed is as good a target as any */
	close->kept = close->kept && !process_is_borrowed() && quarantine_let_go(to);
}

void audit_duplicate_over_end(struct audit_close *close, int from, int to, int result)
{
	int saved = errno;

	if (result >= 0 && from != to) {
		audit_duplicated(from, to);
	} else if (result < 0 && close->kept) {
		quarantine_take_back(to);
	} else if (result < 0) {
		audit_close_undone(close);
	}
	errno = saved;
}
