/* audit_process.c: fork, exec, spawn, and the end. */
#include "shim/audit/audit_process.h"

#include <errno.h>

#include "shim/audit/audit_closed.h"
#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_uring_look.h"
#include "shim/base/hold.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/roster.h"
#include "shim/base/shared.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"

static void settle(struct socket_hold *hold)
{
	if (shared_get(hold->socket->state) & SOCKET_PENDING)
		audit_settle(hold, true);
}

/* The end of the process closes what is open, without a call. */
static void look_last(struct socket_hold *hold)
{
	if (!record_is_current(hold->socket) || !audit_verify(hold))
		return;
	audit_last_look(hold, "exit", kernel_now_ns());
	if (shared_get(hold->record->reset_ns))
		shared_set(hold->record->end, TRACE_END_RESET);
}

/* The last word on everything that is pending. */
static void end_process(enum trace_ended how)
{
	struct trace_process *process = trace_log_process();

	if (!trace_log_is_open())
		return;
	audit_uring_look();
	socket_for_each(how == TRACE_EXEC ? settle : look_last);
	audit_run_is_over();
	shared_set(process->ended_ns, kernel_now_ns());
	__atomic_store_n(&process->ended, how, __ATOMIC_RELEASE);
}

bool audit_exec_begin(const char *path)
{
	int saved = errno;
	bool ours = process_generation() != 0 && !process_is_borrowed();

	if (ours) {
		end_process(TRACE_EXEC);
		halt_if_due();
	} else {
		audit_shared_by_spawn(); /* by a vforked child, in our memory */
	}
	roster_add(TRACE_ROSTER_EXEC, 0, path);
	errno = saved;
	return ours;
}

void audit_exec_failed(bool ours)
{
	int saved = errno;

	if (ours) {
		shared_set(trace_log_process()->ended_ns, 0);
		shared_set(trace_log_process()->ended, TRACE_RUNNING);
	}
	roster_add(TRACE_ROSTER_EXEC_FAILED, 0, NULL);
	errno = saved;
}

void audit_spawned(pid_t pid, const char *path)
{
	audit_shared_by_spawn();
	roster_add(TRACE_ROSTER_SPAWNED, pid, path);
}

void audit_process_ends(bool exits)
{
	int saved = errno;

	if (process_generation() != 0 && !process_is_borrowed())
		end_process(exits ? TRACE_EXITED : TRACE_RUNNING);
	if (exits)
		halt_if_due();
	errno = saved;
}

void audit_left(uintptr_t frame)
{
	hold_leave(frame);
	trace_log_leave(frame);
}
