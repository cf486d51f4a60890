/*
 * render_text.c: the report for a person: worst first, at most a screen for each incident, a summary line last.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/escape.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/text.h"
#include "analyzer/text_coverage.h"
#include "analyzer/text_page.h"
#include "analyzer/wording.h"

#define WRITE_FRAMES 5
#define OTHER_FRAMES 2
#define SHOWN_OPERATIONS 5

static void field(const struct text_page *page, const char *label, const char *pattern, ...)
	__attribute__((format(printf, 3, 4)));

static void field(const struct text_page *page, const char *label, const char *pattern, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, pattern);
	length = vasprintf(&text, pattern, arguments);
	va_end(arguments);
	if (length < 0)
		text_out_of_memory();
	text_page_field(page, label, text);
	free(text);
}

static void show_process(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char *program = names_program(view->story.process);

	if (record->tid == view->story.process->pid)
		field(page, "program", "%s (pid %d), main thread", program, view->story.process->pid);
	else
		field(page, "program", "%s (pid %d), thread %d%s%.16s", program, view->story.process->pid, record->tid,
			record->thread_name[0] ? " " : "", record->thread_name);
	if (view->story.label.length)
		field(page, "running", "%.*s", (int)view->story.label.length, view->story.label.bytes);
	free(program);
}

/* "accepted 1.2 s before": how the connection came to be, and when. */
static const char *origin(char buffer[64], const struct story *story)
{
	static const char *const words[] = {[TRACE_SOCKET_CALL] = "made",
		[TRACE_CONNECT] = "connected",
		[TRACE_ACCEPT] = "accepted",
		[TRACE_SOCKETPAIR] = "made as a pair",
		[TRACE_INHERITED] = "inherited and first seen",
		[TRACE_PASSED] = "passed and first seen"};
	const struct trace_socket *socket = &story->socket.record;
	uint64_t now = story->record.first_ns;
	char time[TEXT_NUMBER_BYTES];

	if (socket->origin >= sizeof(words) / sizeof(words[0]) || !socket->opened_ns || socket->opened_ns > now)
		return "of unknown age";
	snprintf(buffer, 64, "%s %s before", words[socket->origin], text_duration(time, now - socket->opened_ns));
	return buffer;
}

static void show_connection(const struct text_page *page, const struct view *view)
{
	const struct connection *socket = &view->story.socket;
	char buffer[64];
	char *local;
	char *peer;

	if (!view->story.has_socket) {
		field(page, "connection", "descriptor %d, of whose socket nothing is known any more",
			view->story.record.fd);
		return;
	}
	local = names_endpoint(&socket->local);
	peer = names_endpoint(&socket->peer);
	field(page, "connection", "%s %s -> %s, descriptor %d, %s", names_protocol(socket->record.protocol), local,
		peer, view->story.record.fd, origin(buffer, &view->story));
	free(local);
	free(peer);
}

static void show_evidence(const struct text_page *page, const struct view *view)
{
	char *lines[WORDING_EVIDENCE];
	size_t count = wording_evidence(&view->story, lines);

	for (size_t i = 0; i < count; i++) {
		text_page_field(page, i ? "" : "evidence", lines[i]);
		free(lines[i]);
	}
}

static void show_outcome(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char *outcome = wording_outcome(&view->story);

	field(page, "outcome", "%s: %s", kinds_outcome_name(record->outcome), outcome);
	free(outcome);
}

/* A stack under the call that made it, where anything is known of either. */
static void show_stack(
	const struct text_page *page, const char *label, const char call[16], const struct stack *stack, size_t limit)
{
	char what[17] = "";

	memcpy(what, call, 16);
	text_page_stack(page, label, what, stack, limit, limit != WRITE_FRAMES);
}

static void show_stacks(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	bool is_close = record->kind == TRACE_DOUBLE_CLOSE || record->kind == TRACE_LOST_ON_CLOSE;
	bool own_shutdown = record->kind == TRACE_WRITE_AFTER_SHUTDOWN;
	char *peer = wording_peer(&view->story);

	show_stack(page, is_close ? "closed by" : "written by", record->call, &view->write, WRITE_FRAMES);
	if (record->knowledge == TRACE_TOLD && view->told.count)
		show_stack(page, "told by", record->told_call, &view->told, OTHER_FRAMES);
	if (view->closed.count)
		text_page_stack(
			page, own_shutdown ? "shut down by" : "first closed", "", &view->closed, OTHER_FRAMES, true);
	if (view->new_owner.count)
		text_page_stack(page, "opened anew", "", &view->new_owner, OTHER_FRAMES, true);
	if (peer)
		text_page_stack(page, "peer", peer, &view->peer_closed, OTHER_FRAMES, true);
	if (view->opened.count)
		text_page_stack(
			page, "opened by", names_origin(view->story.socket.record.origin), &view->opened, 1, true);
	free(peer);
}

/* "-2.4 ms read(4096)=40"; relative to the write. */
static void print_operation(FILE *stream, const struct trace_operation *operation, uint64_t now, bool unfinished)
{
	char time[TEXT_NUMBER_BYTES];
	char number[24];

	if (operation->t_ns == now)
		fputs("now", stream);
	else if (operation->t_ns < now)
		fprintf(stream, "-%s", text_duration(time, now - operation->t_ns));
	else
		fprintf(stream, "+%s", text_duration(time, operation->t_ns - now));
	fprintf(stream, " %.16s(%u)", operation->call, operation->length);
	if (unfinished)
		fputs(" did not return", stream);
	else if (operation->result < 0)
		fprintf(stream, "=%s", names_errno((int)-(int64_t)operation->result, number));
	else
		fprintf(stream, "=%d", operation->result);
}

static void show_operations(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	uint32_t first = record->history_count > SHOWN_OPERATIONS ? record->history_count - SHOWN_OPERATIONS : 0;
	char *text = NULL;
	size_t bytes;
	FILE *stream;

	if (!record->history_count)
		return;
	stream = open_memstream(&text, &bytes);
	if (!stream)
		text_out_of_memory();
	for (uint32_t i = first; i < record->history_count; i++) {
		fputs(i > first ? "; " : first ? "...; " : "", stream);
		print_operation(stream, &record->history[i], record->first_ns,
			record->flags & TRACE_INCIDENT_IN_CALL && i + 1 == record->history_count);
	}
	if (fclose(stream))
		text_out_of_memory();
	text_page_field(page, "operations", text);
	free(text);
}

static void show_cause(const struct text_page *page, const struct view *view)
{
	bool told = view->story.record.knowledge == TRACE_TOLD;

	text_page_field(page, "usually",
		told || !view->kind->usually_untold ? view->kind->usually : view->kind->usually_untold);
}

/* How often the same happened elsewhere. */
static void show_others(const struct text_page *page, const struct report *report, const struct group *group)
{
	size_t count;
	const struct incident *first = &lifecycle_incidents(report->lifecycle, &count)[group->first];
	bool other_sockets = true;
	uint64_t lost = 0;
	char incidents[TEXT_NUMBER_BYTES];
	char bytes[TEXT_NUMBER_BYTES];

	for (size_t i = 0; i < group->count; i++) {
		lost += first[i].bytes_lost;
		if (i && first[i].trace == first->trace && first[i].socket == first->socket)
			other_sockets = false;
	}
	if (group->count == 1)
		return;
	text_number(incidents, group->count - 1);
	text_plural(bytes, lost, "byte");
	field(page, "", "... and %s more like it%s%s%s%s", incidents, other_sockets ? " on other connections" : "",
		lost ? "; " : "", lost ? bytes : "", lost ? " lost in all" : "");
}

static void show_group(const struct text_page *page, const struct report *report, size_t number)
{
	const struct group *group = &report->groups.groups[number];
	size_t count;
	const struct incident *incident = &lifecycle_incidents(report->lifecycle, &count)[group->first];
	struct view view;

	if (view_load(report, incident, &view)) {
		text_page_severity(page, incident->severity);
		fprintf(page->stream, " %zu of %zu: %s\n", number + 1, report->groups.count, view.kind->id);
		text_page_title(page, view.title);
		show_process(page, &view);
		show_connection(page, &view);
		show_evidence(page, &view);
		show_outcome(page, &view);
		show_stacks(page, &view);
		show_operations(page, &view);
		show_cause(page, &view);
		show_others(page, report, group);
		fputc('\n', page->stream);
	}
	view_free(&view);
}

static void show_groups(const struct text_page *page, const struct report *report)
{
	size_t limit = report->options->max_incidents;
	size_t count = report->groups.count;
	size_t shown = limit && limit < count ? limit : count;
	char *line;

	for (size_t i = 0; i < shown && !ferror(page->stream); i++)
		show_group(page, report, i);
	if (shown == count)
		return;
	line = text_format(
		"and %zu more that are not shown, none of them worse (--max-incidents=0 shows all)", count - shown);
	text_page_line(page, 2, line);
	fputc('\n', page->stream);
	free(line);
}

/* Processes that have an incident. */
static size_t guilty_processes(const struct report *report)
{
	size_t process_count;
	size_t count;
	size_t guilty = 0;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);
	bool *seen;

	lifecycle_processes(report->lifecycle, &process_count);
	seen = text_allocate(process_count);
	for (size_t i = 0; i < count; i++) {
		guilty += !seen[incidents[i].process];
		seen[incidents[i].process] = true;
	}
	free(seen);
	return guilty;
}

/* What the audit covered: "3 processes, 14 sockets, 1,024 writes". */
static char *audited(const struct report *report)
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

static void show_summary(const struct text_page *page, const struct report *report)
{
	const uint64_t *by_severity = report->summary.incidents;
	char errors[TEXT_NUMBER_BYTES];
	char warnings[TEXT_NUMBER_BYTES];
	char notes[TEXT_NUMBER_BYTES];
	char places[TEXT_NUMBER_BYTES];
	char processes[TEXT_NUMBER_BYTES];
	char *coverage = audited(report);

	fprintf(page->stream, "socksan: audited %s\n", coverage);
	if (!report->groups.count)
		fprintf(page->stream, "socksan: no write to a connection that was already gone%s\n",
			text_coverage_is_whole(report) ? ""
						       : " was found in what was audited, but not all was audited");
	fprintf(page->stream, "socksan: ERROR SUMMARY: %s, %s, %s",
		text_plural(errors, by_severity[SEVERITY_ERROR], "error"),
		text_plural(warnings, by_severity[SEVERITY_WARNING], "warning"),
		text_plural(notes, by_severity[SEVERITY_NOTE], "note"));
	if (report->groups.count)
		fprintf(page->stream, " from %s in %s", text_plural(places, report->groups.count, "place"),
			text_plural(processes, guilty_processes(report), "process"));
	if (report->summary.unaudited_processes)
		fprintf(page->stream, " (%s NOT AUDITED)",
			text_plural(processes, report->summary.unaudited_processes, "process"));
	fputc('\n', page->stream);
	free(coverage);
}

void render_text(const struct report *report, FILE *stream, bool color)
{
	struct text_page page = {.stream = stream, .color = color};

	if (report->options->quiet && !report->groups.count && text_coverage_is_whole(report))
		return;
	show_groups(&page, report);
	text_coverage_show(&page, report);
	show_summary(&page, report);
}
