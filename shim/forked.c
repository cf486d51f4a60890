/* forked.c: the modules that have something to forget. */
#include "shim/forked.h"

#include "shim/base/deep_stack.h"
#include "shim/base/hold.h"
#include "shim/base/thread.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/uring/audit_uring_raw.h"
#include "shim/uring/uring_table.h"
#include "shim/verdict/incident.h"

void forked_forget_parent(void)
{
	deep_stack_forked();
	trace_log_forked();
	backtrace_forked();
	hold_forked();
	record_forked();
	incident_forked();
	quarantine_forked();
	audit_uring_raw_forked();
	uring_forked();
	thread_state.accused_count = 0;
}
