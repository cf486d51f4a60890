/* trace_open.c: the trace is made, at the first record of a process; what is to be said where there can be none. */
#include "shim/trace/trace_open.h"

#include <errno.h>
#include <string.h>

#include "shim/base/config.h"
#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/line_list.h"
#include "shim/base/process.h"
#include "shim/base/roster.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"

#define ATTEMPTS 16 /* after that only now and then */

void (*trace_log_mapped)(void);

/* What trace_log_gap was told, kept for the trace that is still to be made and for those of children. */
static struct {
	uint32_t coverage;
	uint32_t busy;
	struct line_list lines;
} gaps;

static void write_gaps(struct trace_process *process)
{
	struct trace_text *record =
		gaps.lines.length
			? trace_log_claim_any(TRACE_TEXT, ((uint32_t)sizeof(*record) + gaps.lines.length + 7) & ~7u)
			: NULL;

	__atomic_fetch_or(&process->coverage, gaps.coverage, __ATOMIC_RELAXED);
	if (!record)
		return;
	trace_log_fill_text(record, TRACE_TEXT_GAPS, gaps.lines.text, gaps.lines.length);
	__atomic_store_n(&process->gaps, trace_log_commit(record), __ATOMIC_RELEASE);
}

void trace_log_gap(uint32_t coverage, const char *line)
{
	__atomic_fetch_or(&gaps.coverage, coverage, __ATOMIC_RELAXED);
	if (!__atomic_exchange_n(&gaps.busy, 1, __ATOMIC_ACQUIRE)) {
		line_list_add(&gaps.lines, line);
		if (trace_log_is_open())
			write_gaps(the_log.process);
		__atomic_store_n(&gaps.busy, 0, __ATOMIC_RELEASE);
	}
}

/* Why there is no trace: once to the roster, and where there is no roster to standard error. */
static void tell_no_trace(const char *name, long error)
{
	int saved = errno;
	char text[232] = "";

	if (the_log.told)
		return;
	the_log.told = true;
	line_append_number(line_append(line_append(text, text + 200, name), text + 210, ": errno "), text + 230,
		(unsigned long)error);
	roster_add(TRACE_ROSTER_NO_TRACE, 0, text);
	if (!config.roster[0])
		line_say("this process is not recorded, its trace cannot be made: ", name, error);
	errno = saved;
}

static void write_header(char *base, uint64_t size)
{
	struct trace_header *header = (struct trace_header *)(void *)base;
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	header->version = TRACE_VERSION;
	header->byte_order = TRACE_BYTE_ORDER;
	header->header_bytes = TRACE_HEADER_BYTES;
	header->file_bytes = size;
	header->log_end = TRACE_HEADER_BYTES;
	header->created_ns = kernel_now_ns();
	header->created_wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
	strncpy(header->writer, SOCKSAN_VERSION, sizeof(header->writer) - 1);
	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
}

/* What was counted before there was a process record; other threads may be counting still. */
static void take_counts(struct trace_process *process)
{
	struct trace_process *from = &trace_log_unrecorded;

	__atomic_fetch_or(
		&process->coverage, __atomic_exchange_n(&from->coverage, 0, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
	__atomic_fetch_add(&process->sockets_seen, __atomic_exchange_n(&from->sockets_seen, 0, __ATOMIC_RELAXED),
		__ATOMIC_RELAXED);
	for (int i = 0; i < TRACE_LOSSES; i++)
		__atomic_fetch_add(
			&process->lost[i], __atomic_exchange_n(&from->lost[i], 0, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* Appends the process record; with it the losses counted so far. */
static bool write_process(uint32_t coverage)
{
	struct trace_process *process = trace_log_claim_any(TRACE_PROCESS, sizeof(*process));

	if (!process)
		return false;
	process->pid = process_page->pid;
	process->ppid = (int32_t)kernel_call0(SYS_getppid);
	process->started_ns = process_names.started_ns;
	process->coverage = coverage | (kernel_forbidden ? TRACE_SECCOMP : 0);
	memcpy(process->comm, process_names.comm, sizeof(process->comm));
	memcpy(process->exe, process_names.exe, sizeof(process->exe));
	process->argv_length = process_names.argv_length;
	memcpy(process->argv, process_names.argv, process_names.argv_length);
	trace_log_commit(process);
	write_gaps(process);
	__atomic_store_n(&the_log.process, process, __ATOMIC_RELEASE);
	take_counts(process);
	return true;
}

/* Returns 0, or minus errno, with the name that could not be made in `name`. */
static long open_own(char *name, size_t size_of_name)
{
	long result = trace_file_make(&the_log.file, name, size_of_name);

	if (result == -EFBIG && !the_log.inherited.size && !the_log.told)
		trace_file_leave_empty();
	if (result < 0)
		return result;
	the_log.cursor = TRACE_HEADER_BYTES;
	write_header(the_log.file.segments[0], the_log.file.size);
	return write_process(0) ? 0 : -ENOSPC;
}

static bool open_inherited(void)
{
	if (!the_log.inherited.size)
		return false;
	the_log.file = the_log.inherited;
	the_log.cursor = TRACE_HEADER_BYTES;
	return write_process(TRACE_SHARED_FILE);
}

/*
 * Waits while another thread makes the trace: it may have to wait for a processor, but for nothing that we hold. Not
 * where it is this very thread, which a signal handler has interrupted to come here. Gives up after some hundred
 * milliseconds.
 */
static bool wait_for_opener(void)
{
	struct timespec pause = {0, 50000};

	if (__atomic_load_n(&the_log.opener, __ATOMIC_RELAXED) == process_thread_id())
		return false;
	for (int i = 0; i < 5000 && __atomic_load_n(&the_log.state, __ATOMIC_ACQUIRE) == LOG_OPENING; i++)
		kernel_call2(SYS_nanosleep, &pause, NULL);
	return trace_log_is_open();
}

/* Names of files, and lines about them. */
static void make_trace(void *argument)
{
	char name[CONFIG_PATH_MAX + 64];
	bool *done = argument;
	long error = open_own(name, sizeof(name));

	*done = error == 0 || open_inherited();
	if (!*done)
		tell_no_trace(name, -error);
	else if (trace_log_mapped)
		trace_log_mapped();
}

bool trace_log_open(void)
{
	uint32_t none = LOG_NONE;
	uint64_t signals;
	bool done = false;

	if (trace_log_is_open())
		return true;
	if (shared_get(the_log.attempts) >= ATTEMPTS &&
		(__atomic_add_fetch(&the_log.attempts, 1, __ATOMIC_RELAXED) & 1023) != 0)
		return false;
	thread_block_signals(&signals); /* a handler that jumped out of this would leave others waiting */
	if (!__atomic_compare_exchange_n(
		    &the_log.state, &none, LOG_OPENING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		thread_allow_signals(&signals);
		return none == LOG_OPEN || wait_for_opener();
	}
	__atomic_store_n(&the_log.opener, process_thread_id(), __ATOMIC_RELAXED);
	__atomic_fetch_add(&the_log.attempts, 1, __ATOMIC_RELAXED);
	if (!deep_stack_call(make_trace, &done))
		make_trace(&done); /* rather than no trace, and not a word */
	__atomic_store_n(&the_log.state, done ? LOG_OPEN : LOG_NONE, __ATOMIC_RELEASE);
	thread_allow_signals(&signals);
	return done;
}

void trace_log_forked(void)
{
	if (the_log.file.size)
		the_log.inherited = the_log.file;
	memset(&the_log.file, 0, sizeof(the_log.file));
	the_log.cursor = 0;
	the_log.attempts = 0;
	the_log.process = NULL;
	the_log.told = false;
	the_log.is_cut = false;
	gaps.busy = 0;
	memset(&trace_log_unrecorded, 0, sizeof(trace_log_unrecorded));
	memset(thread_state.claims, 0, sizeof(thread_state.claims));
	__atomic_store_n(&the_log.state, LOG_NONE, __ATOMIC_RELEASE);
}
