/*
 * text_coverage.c: see text_coverage.h.
 */
#include "analyzer/format/text/text_coverage.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"

#define SHOWN_PROCESSES 10
#define SHOWN_PIDS 5
#define SHOWN_GAPS 20

/* Coverage bits, whether each leaves writes unseen, and what it means. */
static const struct {
	uint32_t bit;
	bool blind;
	const char *words;
} coverage_words[] = {
	{TRACE_USED_IO_URING, true, "used io_uring in ways that socksan cannot see: not fully audited"},
	{TRACE_SECCOMP, false, "ran under a seccomp filter: audited without asking the kernel from then on"},
	{TRACE_NO_UNWINDER, false, "could not load libunwind: no stacks"},
	{TRACE_UNWINDER_BUSY, false, "was forked while another thread took a stack: no stacks"},
	{TRACE_SHARED_FILE, false, "could create no trace of its own; its records are in its parent's"},
	{TRACE_LOW_DESCRIPTORS, false, "ran low on descriptors: quarantined numbers were given back early"},
	{TRACE_MISSING_STACKS, false, "used sockets where no stack can be taken, as in some signal handlers"},
	{TRACE_OPAQUE_RUNTIME, true,
		"used a runtime that may drop writes silently (such as uvloop): not fully audited"},
	{TRACE_NO_PYTHON_STACKS, false, "ran a Python interpreter whose stacks cannot be read: native frames alone"},
	{TRACE_CUT_SHORT, true, "had its trace truncated while it ran: what followed is lost"},
	{TRACE_RUNTIME_GAPS, true, "used a runtime that may drop writes silently where socksan does not look:"},
};

static const char *const loss_words[TRACE_LOSSES] = {
	[TRACE_LOST_LOG_FULL] = "the trace had reached max_trace",
	[TRACE_LOST_NO_SPACE] = "the disk was full",
	[TRACE_LOST_NO_MEMORY] = "there was no memory",
	[TRACE_LOST_CONTENDED] = "another thread was using the same record",
	[TRACE_LOST_FD_RANGE] = "the descriptor's number was too high to follow",
	[TRACE_LOST_NO_TRACE] = "there was no trace to write it to",
	[TRACE_LOST_NO_ANSWER] = "the kernel did not answer a question about a socket",
	[TRACE_LOST_STALE] = "a call's descriptor was reused, or the call was abandoned, while it ran",
};

static void warn(const struct text_page *page, const char *pattern, ...) __attribute__((format(printf, 2, 3)));

static void warn(const struct text_page *page, const char *pattern, ...)
{
	va_list arguments;
	char *line;
	char *whole;

	va_start(arguments, pattern);
	line = text_format_list(pattern, arguments);
	va_end(arguments);
	whole = text_format("socksan: %s", line);
	text_page_line(page, 9, whole);
	free(whole);
	free(line);
}

bool text_coverage_is_whole(const struct report *report)
{
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);

	if (report->summary.lost_records || report->summary.unaudited_processes)
		return false;
	if (report->facts && report->facts->trouble_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (processes[i].died_in_unplaced_write)
			return false;
		for (size_t j = 0; j < sizeof(coverage_words) / sizeof(coverage_words[0]); j++)
			if (processes[i].coverage & coverage_words[j].bit && coverage_words[j].blind)
				return false;
	}
	return true;
}

char *text_coverage_audited(const struct report *report)
{
	const struct summary *summary = &report->summary;
	uint64_t processes = summary->processes;
	char process_words[TEXT_NUMBER_BYTES];
	char socket_words[TEXT_NUMBER_BYTES];
	char write_words[TEXT_NUMBER_BYTES];

	if (report->facts && report->facts->signed_in > processes)
		processes = report->facts->signed_in;
	text_plural(process_words, processes, "process");
	text_plural(socket_words, summary->sockets, "socket");
	text_plural(write_words, summary->writes, "write");
	return text_format(
		"%s, %s, %s%s", process_words, socket_words, summary->recycled ? "at least " : "", write_words);
}

static void show_unaudited(const struct text_page *page, const struct report *report)
{
	for (size_t i = 0; i < report->unaudited_count && i < SHOWN_PROCESSES; i++) {
		const struct escaped_process *process = &report->unaudited[i];

		if (process->pid)
			warn(page, "NOT AUDITED: pid %d %s: %s", (int)process->pid, process->path, process->reason);
		else
			warn(page, "NOT AUDITED: cannot read the trace %s: %s", process->path, process->reason);
	}
	if (report->unaudited_count > SHOWN_PROCESSES)
		warn(page, "NOT AUDITED: and %zu more processes", report->unaudited_count - SHOWN_PROCESSES);
}

static void show_troubles(const struct text_page *page, const struct run_facts *facts)
{
	for (size_t i = 0; i < facts->trouble_count && i < SHOWN_PROCESSES; i++)
		warn(page, "%s", facts->troubles[i]);
	if (facts->trouble_count > SHOWN_PROCESSES)
		warn(page, "%zu more warnings", facts->trouble_count - SHOWN_PROCESSES);
}

/* Whether a process has a coverage bit, or a line among its gaps. */
struct trait {
	uint32_t bit;
	struct text gap;
};

static bool has_gap(const struct process *process, struct text gap)
{
	for (struct text rest = process->gaps; rest.length;) {
		struct text line = text_take_line(&rest);

		if (gap.bytes && line.length == gap.length && !memcmp(line.bytes, gap.bytes, gap.length))
			return true;
	}
	return false;
}

static bool has(const struct process *process, const struct trait *trait)
{
	return trait->bit ? process->coverage & trait->bit : has_gap(process, trait->gap);
}

/* "pid 12, 13 and 4 more" of the processes that have a trait; NULL where there are none. The caller frees it. */
static char *pids_with(const struct process *processes, size_t count, const struct trait *trait)
{
	struct text_buffer buffer;
	FILE *stream = text_open(&buffer);
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!has(&processes[i], trait))
			continue;
		if (found < SHOWN_PIDS)
			fprintf(stream, "%s%d", found ? ", " : "pid ", processes[i].pid);
		found++;
	}
	if (found > SHOWN_PIDS)
		fprintf(stream, " and %zu more", found - SHOWN_PIDS);
	text_close(&buffer);
	if (found)
		return buffer.text;
	free(buffer.text);
	return NULL;
}

static void show_bits(const struct text_page *page, const struct process *processes, size_t count)
{
	for (size_t i = 0; i < sizeof(coverage_words) / sizeof(coverage_words[0]); i++) {
		char *pids = pids_with(processes, count, &(struct trait){.bit = coverage_words[i].bit});

		if (pids)
			warn(page, "%s %s", pids, coverage_words[i].words);
		free(pids);
	}
}

/* Each line once, with all whose gap it is. */
static void show_gaps(const struct text_page *page, const struct process *processes, size_t count)
{
	for (size_t i = 0, shown = 0; i < count; i++) {
		for (struct text rest = processes[i].gaps; rest.length && shown < SHOWN_GAPS;) {
			struct trait trait = {.gap = text_take_line(&rest)};
			bool known = false;
			char *pids;

			for (size_t j = 0; j < i && !known; j++)
				known = has(&processes[j], &trait);
			if (known)
				continue;
			pids = pids_with(processes, count, &trait);
			warn(page, "%s: %.*s", pids ? pids : "", (int)trait.gap.length, trait.gap.bytes);
			free(pids);
			shown++;
		}
	}
}

static void show_losses(const struct text_page *page, const struct process *processes, size_t count)
{
	for (size_t loss = 0; loss < TRACE_LOSSES; loss++) {
		uint64_t lost = 0;
		char number[TEXT_NUMBER_BYTES];

		for (size_t i = 0; i < count; i++)
			lost += processes[i].lost[loss];
		if (lost)
			warn(page, "%s lost: %s", text_plural(number, lost, "record"),
				loss_words[loss] ? loss_words[loss] : "for a reason that this version does not know");
	}
}

static void show_deaths(const struct text_page *page, const struct process *process)
{
	if (process->died_in_unplaced_write)
		warn(page,
			"pid %d was killed by SIGPIPE while several writes were under way: which one raised it is not "
			"known",
			process->pid);
	if (process->end == PROCESS_RUNNING)
		warn(page, "pid %d still runs: this is what it had done so far", process->pid);
}

void text_coverage_show(const struct text_page *page, const struct report *report)
{
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);
	char number[TEXT_NUMBER_BYTES];

	show_unaudited(page, report);
	if (report->facts)
		show_troubles(page, report->facts);
	show_bits(page, processes, count);
	show_gaps(page, processes, count);
	show_losses(page, processes, count);
	for (size_t i = 0, shown = 0; i < count && shown < SHOWN_PROCESSES; i++) {
		show_deaths(page, &processes[i]);
		shown += processes[i].died_in_unplaced_write || processes[i].end == PROCESS_RUNNING;
	}
	if (report->summary.recycled)
		warn(page, "the records of %s were recycled to bound the traces: their writes are not counted here",
			text_plural(number, report->summary.recycled, "clean connection"));
}

void text_coverage_limits(const struct text_page *page)
{
	size_t at = 0;

	for (char *words; (words = limits_next(&at)); free(words))
		warn(page, "%s", words);
}
