/* halt.c: see halt.h. */
#include "shim/verdict/halt.h"

#include <sys/syscall.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/trace/trace_log.h"

const struct trace_incident *halt_due;

void halt_consider(const struct trace_incident *incident)
{
	if (config.halt_on_error && incident && trace_incident_severity(incident) == TRACE_ERROR)
		__atomic_store_n(&halt_due, incident, __ATOMIC_RELEASE);
}

void halt_now(void)
{
	const struct trace_incident *incident = __atomic_load_n(&halt_due, __ATOMIC_ACQUIRE);

	if (!incident || process_is_borrowed())
		return;
	line_say("halted on an error (halt_on_error=1), by ", incident->call, 0);
	shared_set(trace_log_process()->ended_ns, kernel_now_ns());
	shared_set(trace_log_process()->ended, TRACE_EXITED);
	kernel_call1(SYS_exit_group, config.exitcode);
}

void halt_forked(void)
{
	halt_due = NULL;
}
