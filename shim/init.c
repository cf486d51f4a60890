/*
 * init.c: where the shim's life begins and ends in a process.
 *
 * Hooks are called before the constructor (by constructors of other libraries) and after the destructor; they set up
 * what they need themselves. Here is what needs to be done once: signing in, the fork handlers, looking the hooks up in
 * advance.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_process.h"
#include "shim/base/config.h"
#include "shim/base/hold.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/process.h"
#include "shim/base/roster.h"
#include "shim/base/thread.h"
#include "shim/forked.h"
#include "shim/socket/record.h"
#include "shim/stack/unwinder.h"
#include "shim/trace/bus_error.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/incident.h"

#include <stdlib.h>

HOOK_LOOK_UP(sigaction);

static void guard_trace(void)
{
	if (config.handle_sigbus)
		bus_error_guard(REAL(sigaction));
}

static void after_fork_in_parent(void)
{
	unwinder_fork_done();
	audit_shared_by_fork();
}

static void after_fork_in_child(void)
{
	audit_shared_by_fork();
	process_wipe();
	process_set_up();
}

/* Says what was wrong with the options. `socksan run` has checked them already, so this is for a preload by hand. */
static void speak(void)
{
	struct config scratch;
	char complaint[256];
	char line[256];
	const char *text = getenv("SOCKSAN_OPTIONS");

	config_default(&scratch);
	if (text && !config_parse(&scratch, text, complaint, sizeof(complaint)))
		line_say("SOCKSAN_OPTIONS: ", complaint, 0);
	for (unsigned i = 0; config.help && config_help(i, line, sizeof(line)); i++)
		kernel_call3(SYS_write, 2, line, strlen(line));
}

__attribute__((constructor)) static void start(int argc, char **argv)
{
	process_remember_arguments(argc, argv);
	process_forked = forked_forget_parent;
	socket_released = record_release;
	hold_abandoned = incident_abandoned;
	thread_abandon = audit_left;
	trace_log_mapped = guard_trace;
	process_set_up();
	hook_find_all();
	pthread_atfork(unwinder_fork_prepare, after_fork_in_parent, after_fork_in_child);
	speak();
	roster_add(TRACE_ROSTER_SIGNED_IN, 0, process_names.exe);
}

__attribute__((destructor)) static void end(void)
{
	audit_process_ends(true);
}
