/*
 * html_incident.c: see html_incident.h.
 */
#include "analyzer/format/html/html_incident.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/format/html/html.h"
#include "analyzer/format/html/html_stack.h"
#include "analyzer/format/html/html_timeline.h"
#include "analyzer/report/message.h"
#include "analyzer/report/suppress_incidents.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/names.h"
#include "analyzer/wording/wording.h"

#define SHOWN_OTHERS 20
#define NAMED_PROCESSES 50 /* of a place, that the page can be filtered by */

static const struct group *group_at(const struct html_page *page, size_t number)
{
	return &page->report->groups.groups[number - 1];
}

static const struct incident *incidents_of(const struct html_page *page, const struct group *group)
{
	size_t count;

	return &lifecycle_incidents(page->report->lifecycle, &count)[group->first];
}

static char *process_name(const struct process *process)
{
	char *program = names_program(process);
	char *name = text_format("%s (pid %d)", program, process->pid);

	free(program);
	return name;
}

/* What the page is filtered by: the processes in which it happened, a line each. */
static void put_processes(const struct html_page *page, const struct group *group)
{
	const struct incident *incidents = incidents_of(page, group);
	size_t process_count;
	const struct process *processes = lifecycle_processes(page->report->lifecycle, &process_count);
	uint32_t seen[NAMED_PROCESSES];
	size_t seen_count = 0;

	for (size_t i = 0; i < group->count && seen_count < NAMED_PROCESSES; i++) {
		size_t j = 0;

		while (j < seen_count && seen[j] != incidents[i].process)
			j++;
		if (j < seen_count)
			continue;
		fputs(seen_count ? "&#10;" : "", page->stream);
		html_owned(page->stream, process_name(&processes[incidents[i].process]));
		seen[seen_count++] = incidents[i].process;
	}
}

static void begin_article(const struct html_page *page, const struct view *view, size_t number)
{
	const char *severity = kinds_severity_name(view->incident->severity);
	FILE *stream = page->stream;

	fprintf(stream,
		"<article class=\"incident %s\" id=\"incident-%zu\" aria-label=\"Incident %zu, %s\" data-kind=\"%s\" "
		"data-severity=\"%s\" data-label=\"",
		severity, number, number, severity, view->kind->id, severity);
	html_bytes(stream, view->story.label.bytes, view->story.label.length);
	fputs("\" data-process=\"", stream);
	put_processes(page, group_at(page, number));
	fprintf(stream,
		"\">\n<header><span class=\"badge %s\">%s</span> <a class=\"kind\" href=\"#kind-%s\">%s</a> "
		"<a class=\"permalink\" href=\"#incident-%zu\">%zu of %zu</a></header>\n<h3>",
		severity, severity, view->kind->id, view->kind->id, number, number, page->report->groups.count);
	html_text(stream, view->title);
	fputs("</h3>\n", stream);
}

/* --- Facts -------------------------------------------------------------------------------------------------------- */

static void begin_fact(const struct html_page *page, const char *name)
{
	fprintf(page->stream, "<dt>%s</dt><dd>", name);
}

static void end_fact(const struct html_page *page)
{
	fputs("</dd>\n", page->stream);
}

static void put_program(const struct html_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;

	begin_fact(page, "Program");
	html_owned(page->stream, process_name(view->story.process));
	if (record->tid == view->story.process->pid)
		fputs(", main thread", page->stream);
	else
		html_format(page->stream, ", thread %d%s%.16s", record->tid, record->thread_name[0] ? " " : "",
			record->thread_name);
	end_fact(page);
	if (!view->story.label.length)
		return;
	begin_fact(page, "Running");
	html_bytes(page->stream, view->story.label.bytes, view->story.label.length);
	end_fact(page);
}

static void put_connection(const struct html_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	const struct trace_socket *socket = &view->story.socket.record;
	char time[TEXT_NUMBER_BYTES];

	begin_fact(page, "Connection");
	if (!view->story.has_socket) {
		fprintf(page->stream, "descriptor %d, whose socket is no longer known", record->fd);
		end_fact(page);
		return;
	}
	html_owned(page->stream, names_connection(&view->story.socket, NAMES_ARROW));
	fprintf(page->stream, ", descriptor %d", record->fd);
	if (socket->opened_ns && socket->opened_ns <= record->first_ns)
		fprintf(page->stream, ", opened %s earlier (%s)",
			text_duration(time, record->first_ns - socket->opened_ns), names_origin(socket->origin));
	end_fact(page);
}

static void put_evidence(const struct html_page *page, const struct view *view)
{
	char *lines[WORDING_EVIDENCE];
	size_t count = wording_evidence(&view->story, lines);
	char *peer = wording_peer(&view->story);

	if (count) {
		begin_fact(page, "Evidence");
		fputs("<ul>", page->stream);
		for (size_t i = 0; i < count; i++) {
			fputs("<li>", page->stream);
			html_owned(page->stream, lines[i]);
			fputs("</li>", page->stream);
		}
		fputs("</ul>", page->stream);
		end_fact(page);
	}
	if (view->story.preview.length) {
		begin_fact(page, "First bytes");
		fputs("<code>", page->stream);
		html_bytes(page->stream, view->story.preview.bytes, view->story.preview.length);
		fputs("</code>", page->stream);
		end_fact(page);
	}
	if (peer) {
		begin_fact(page, "Peer");
		html_text(page->stream, peer);
		end_fact(page);
	}
	free(peer);
}

static void put_facts(const struct html_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char *outcome = wording_outcome(&view->story);

	fputs("<dl class=\"facts\">\n", page->stream);
	put_program(page, view);
	put_connection(page, view);
	put_evidence(page, view);
	begin_fact(page, "Outcome");
	fprintf(page->stream, "<strong class=\"outcome\">%s</strong>: ", kinds_outcome_name(record->outcome));
	html_owned(page->stream, outcome);
	end_fact(page);
	begin_fact(page, "Likely cause");
	html_text(page->stream, kinds_usually(record));
	fprintf(page->stream, " <a href=\"#kind-%s\">What it means and how to fix it</a>", view->kind->id);
	end_fact(page);
	fputs("</dl>\n", page->stream);
}

/* --- Stacks ------------------------------------------------------------------------------------------------------- */

static void put_stack(const struct html_page *page, const struct view *view, const char *what, const char call[16],
	const struct stack *stack, bool is_main)
{
	uint64_t now = lifecycle_wall_ns(page->report->lifecycle, view->incident->trace, view->story.record.first_ns);
	char *title = call ? text_format("%s %.16s", what, call) : text_copy(what);

	html_stack(page, title, stack, now, is_main);
	free(title);
}

static void put_stacks(const struct html_page *page, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	bool is_close = trace_kind_is(record->kind, KIND_IS_CLOSE);
	bool is_shutdown = record->kind == TRACE_WRITE_AFTER_SHUTDOWN;
	bool is_dropped = record->kind == TRACE_DROPPED_BY_FRAMEWORK;

	fputs("<div class=\"stacks\">\n", page->stream);
	put_stack(page, view,
		is_close     ? "Closed by"
		: is_dropped ? "Written, and dropped, by"
			     : "Written by",
		is_dropped ? NULL : record->call, &view->write, true);
	if (record->knowledge == TRACE_TOLD)
		put_stack(page, view, "Told by", record->told_call, &view->told, false);
	put_stack(page, view, is_shutdown ? "Shut down by" : "First closed by", NULL, &view->closed, false);
	put_stack(page, view, "Descriptor reused by", NULL, &view->new_owner, false);
	put_stack(page, view, view->story.peer_shut_down ? "Shut down at the peer by" : "Closed at the peer by", NULL,
		&view->peer_closed, false);
	put_stack(page, view, "Opened by", NULL, &view->opened, false);
	fputs("</div>\n", page->stream);
}

/* --- The same elsewhere ------------------------------------------------------------------------------------------- */

static void put_other(const struct html_page *page, const struct incident *incident, uint64_t first_wall_ns)
{
	FILE *stream = page->stream;
	uint64_t wall = lifecycle_wall_ns(page->report->lifecycle, incident->trace, incident->first_ns);
	char time[TEXT_NUMBER_BYTES];
	struct story story;

	if (lifecycle_load(page->report->lifecycle, incident, &story)) {
		fprintf(stream, "<tr><td class=\"number\">%s%s</td><td>", wall < first_wall_ns ? "\xe2\x88\x92" : "+",
			text_duration(time, wall < first_wall_ns ? first_wall_ns - wall : wall - first_wall_ns));
		html_owned(stream, process_name(story.process));
		fputs("</td><td>", stream);
		if (story.has_socket)
			html_owned(stream, names_connection(&story.socket, NAMES_ARROW));
		fprintf(stream, "</td><td>%s</td><td class=\"number\">%s</td></tr>\n",
			kinds_outcome_name(story.record.outcome), text_number(time, story.record.bytes_lost));
	}
	lifecycle_story_free(&story);
}

static void put_others(const struct html_page *page, const struct group *group)
{
	const struct incident *incidents = incidents_of(page, group);
	uint64_t first = lifecycle_wall_ns(page->report->lifecycle, incidents->trace, incidents->first_ns);
	char number[TEXT_NUMBER_BYTES];
	uint64_t lost = 0;

	if (group->count == 1)
		return;
	for (size_t i = 0; i < group->count; i++)
		lost += incidents[i].bytes_lost;
	fprintf(page->stream, "<details class=\"others\"><summary>%s more like it",
		text_number(number, group->count - 1));
	if (lost)
		fprintf(page->stream, "; %s lost in all", text_plural(number, lost, "byte"));
	fputs("</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"The same elsewhere\"><table>"
	      "<thead><tr><th scope=\"col\">When</th><th scope=\"col\">Process</th><th scope=\"col\">Connection</th>"
	      "<th scope=\"col\">Outcome</th><th scope=\"col\">Bytes lost</th></tr></thead><tbody>\n",
		page->stream);
	for (size_t i = 1; i < group->count && i <= SHOWN_OTHERS; i++)
		put_other(page, &incidents[i], first);
	fputs("</tbody></table>", page->stream);
	if (group->count > SHOWN_OTHERS + 1)
		fprintf(page->stream, "<p>... and %s that are not listed.</p>",
			text_number(number, group->count - SHOWN_OTHERS - 1));
	fputs("</div></details>\n", page->stream);
}

static void put_ids(const struct html_page *page, const struct view *view)
{
	char *rule = suppress_propose(view->kind->id, view->write.count ? &view->write : &view->opened);

	fprintf(page->stream, "<p class=\"ids\">incident %s, fingerprint <code>%016" PRIx64 "</code>", view->story.id,
		view->incident->fingerprint);
	if (rule) {
		fputs("; a rule that would suppress it: <code>", page->stream);
		html_text(page->stream, rule);
		fputs("</code>", page->stream);
	}
	fputs("</p>\n", page->stream);
	free(rule);
}

static void put_article(const struct html_page *page, const struct view *view, size_t number)
{
	begin_article(page, view, number);
	put_facts(page, view);
	html_timeline(page, view);
	put_stacks(page, view);
	put_others(page, group_at(page, number));
	put_ids(page, view);
	fputs("</article>\n", page->stream);
}

void html_incident(const struct html_page *page, size_t number)
{
	struct view view;

	if (number <= page->worst_count) {
		if (page->worst[number - 1].incident)
			put_article(page, &page->worst[number - 1], number);
		return;
	}
	if (view_load(page->report, incidents_of(page, group_at(page, number)), &view))
		put_article(page, &view, number);
	view_free(&view);
}

void html_incident_row(const struct html_page *page, size_t number)
{
	const struct group *group = group_at(page, number);
	const struct incident *incidents = incidents_of(page, group);
	const char *severity = kinds_severity_name(incidents->severity);
	const struct view *view = &page->worst[number - 1];
	const struct frame *place;
	char count[TEXT_NUMBER_BYTES];
	uint64_t writes = 0;

	if (!view->incident)
		return;
	for (size_t i = 0; i < group->count; i++)
		writes += incidents[i].count;
	fprintf(page->stream, "<tr><td><span class=\"badge %s\">%s</span></td><td><a href=\"#incident-%zu\">", severity,
		severity, number);
	html_text(page->stream, view->title);
	fputs("</a></td><td><code>", page->stream);
	place = frames_place(&view->write);
	if (place)
		html_owned(page->stream, message_frame(place, page->sources));
	fprintf(page->stream, "</code></td><td class=\"number\">%s</td></tr>\n", text_number(count, writes));
}
