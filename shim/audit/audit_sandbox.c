/*
 * audit_sandbox.c: a program that gives up its rights: the trace is made while it can be, and nothing is asked of the
 * kernel later.
 */
#include "shim/audit/audit_sandbox.h"

#include <errno.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/quarantine.h"
#include "shim/stack/backtrace.h"
#include "shim/stack/unwinder.h"
#include "shim/trace/trace_log.h"

#define SANDBOX_RESERVE (256u << 10) /* bytes of the trace that stay usable under a seccomp filter */

void audit_rights_go(void)
{
	int saved = errno;

	if (process_ready() && !thread_is_inside() && !process_is_borrowed())
		trace_log_open();
	errno = saved;
}

void audit_memory_locks(void)
{
	if (!process_ready() || thread_is_inside() || process_is_borrowed())
		return;
	audit_rights_go();
	unwinder_save_memory();
	if (trace_log_is_open())
		backtrace_load();
}

static bool sandboxed;

uint64_t audit_sandbox_begin(void)
{
	if (!process_ready() || process_is_borrowed())
		return 0;
	audit_rights_go();
	trace_log_reserve(SANDBOX_RESERVE);
	quarantine_give_back_all();
	/* already now: it may hold for other threads as well (SECCOMP_FILTER_FLAG_TSYNC), from within the call */
	__atomic_store_n(&kernel_forbidden, 1, __ATOMIC_SEQ_CST);
	return kernel_now_ns();
}

void audit_sandbox_end(uint64_t begun_ns, bool strict, bool installed)
{
	if (!begun_ns)
		return;
	if (!installed) {
		__atomic_store_n(&kernel_forbidden, sandboxed, __ATOMIC_RELEASE);
		return;
	}
	sandboxed = true;
	if (strict)
		kernel_stopped_ns = begun_ns;
	__atomic_fetch_or(&trace_log_process()->coverage, TRACE_SECCOMP, __ATOMIC_RELAXED);
}

bool audit_may_probe(void)
{
	return !__atomic_load_n(&kernel_forbidden, __ATOMIC_RELAXED);
}
