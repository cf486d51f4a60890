/* forked.c: the modules that have something to forget. */
#include "shim/forked.h"

#include "shim/audit.h"
#include "shim/backtrace.h"
#include "shim/deep_stack.h"
#include "shim/hold.h"
#include "shim/incident.h"
#include "shim/quarantine.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"
#include "shim/uring_table.h"

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
