/*
 * text_incident.c: see text_incident.h.
 */
#include "analyzer/format/text/text_incident.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/text.h"
#include "analyzer/wording/names.h"
#include "analyzer/wording/wording.h"

#define WRITE_FRAMES 5
#define OTHER_FRAMES 2
#define SHOWN_OPERATIONS 5

static void field(const struct text_page *page, const char *label, const char *pattern, ...)
	__attribute__((format(printf, 3, 4)));

static void field(const struct text_page *page, const char *label, const char *pattern, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, pattern);
	text = text_format_list(pattern, arguments);
	va_end(arguments);
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

static void show_connection(const struct text_page *page, const struct view *view)
{
	const struct story *story = &view->story;
	char *connection;

	if (story->has_socket) {
		connection = wording_connection(story, &story->socket, story->record.fd);
		text_page_field(page, "connection", connection);
		free(connection);
	} else if (story->record.fd >= 0) {
		field(page, "connection", "descriptor %d, whose socket is no longer known", story->record.fd);
	} else {
		text_page_field(page, "connection", "not known");
	}
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

/* The call that all this is about. */
static void show_call(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	const char *missing = view->write.count ? NULL : wording_missing_stack(&view->story);
	const char *label = record->kind == TRACE_DOUBLE_CLOSE    ? "closed again"
			    : record->kind == TRACE_LOST_ON_CLOSE ? "closed by"
								  : "written by";

	if (missing)
		field(page, label, record->call[0] ? "%.16s (%s)" : "%.16s%s", record->call, missing);
	else if (record->kind == TRACE_DROPPED_BY_FRAMEWORK) /* there was no call */
		text_page_stack(page, label, "", &view->write, WRITE_FRAMES, false);
	else
		show_stack(page, label, record->call, &view->write, WRITE_FRAMES);
}

/* Who has the number by now, or would have it, and where it came by it. */
static void show_new_owner(const struct text_page *page, const struct view *view)
{
	bool parked = view->story.record.flags & TRACE_INCIDENT_QUARANTINE;
	char *owner = wording_owner(&view->story);

	if (owner)
		text_page_field(page, parked ? "would mean" : "means now", owner);
	if (view->new_owner.count)
		text_page_stack(page, owner ? "opened by" : "reopened by",
			owner ? names_origin(view->story.other.record.origin) : "", &view->new_owner, OTHER_FRAMES,
			true);
	free(owner);
}

static void show_stacks(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char *peer = wording_peer(&view->story);

	show_call(page, view);
	if (record->knowledge == TRACE_TOLD && view->told.count)
		show_stack(page, "told by", record->told_call, &view->told, OTHER_FRAMES);
	if (view->closed.count)
		text_page_stack(page,
			record->kind == TRACE_WRITE_AFTER_SHUTDOWN ? "shut down by"
			: record->kind == TRACE_DOUBLE_CLOSE       ? "first closed"
								   : "closed by",
			"", &view->closed, OTHER_FRAMES, true);
	show_new_owner(page, view);
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
	fprintf(stream, " %.16s", operation->call);
	if (operation->length)
		fprintf(stream, "(%u)", operation->length);
	if (unfinished)
		fputs(" did not return", stream);
	else if (operation->result < 0)
		fprintf(stream, "=%s", error_text((int)-(int64_t)operation->result, number));
	else
		fprintf(stream, "=%d", operation->result);
}

static void show_operations(const struct text_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	uint32_t first = record->history_count > SHOWN_OPERATIONS ? record->history_count - SHOWN_OPERATIONS : 0;
	struct text_buffer buffer;
	FILE *stream;

	if (!record->history_count)
		return;
	stream = text_open(&buffer);
	for (uint32_t i = first; i < record->history_count; i++) {
		fputs(i > first ? "; " : first ? "...; " : "", stream);
		print_operation(stream, &record->history[i], record->first_ns,
			record->flags & TRACE_INCIDENT_IN_CALL && i + 1 == record->history_count);
	}
	text_page_field(page, "operations", text_close(&buffer));
	free(buffer.text);
}

static void show_cause(const struct text_page *page, const struct view *view)
{
	text_page_field(page, "likely cause", kinds_usually(&view->story.record));
}

void text_incident_show(const struct text_page *page, const struct view *view)
{
	show_process(page, view);
	show_connection(page, view);
	show_evidence(page, view);
	show_outcome(page, view);
	show_stacks(page, view);
	show_operations(page, view);
	if (view->story.preview.length)
		text_page_bytes(page, "first bytes", view->story.preview.bytes, view->story.preview.length);
	show_cause(page, view);
}

void text_incident_others(const struct text_page *page, const struct report *report, const struct group *group)
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
	text_plural(incidents, group->count - 1, "more occurrence");
	text_plural(bytes, lost, "byte");
	field(page, "also", "%s%s%s%s%s", incidents, other_sockets ? " on other connections" : "", lost ? "; " : "",
		lost ? bytes : "", lost ? " lost in all" : "");
}
