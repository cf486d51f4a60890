/*
 * render_jsonl.c: the report as JSON Lines: one object a line, for stores that take one record after the other.
 *
 * The objects are those of the format json, with a member `type` (process, unaudited, socket, incident or summary) and
 * times of the wall clock, which can be compared between runs and machines: `time` as RFC 3339 and `wall_ns` since
 * 1970. The summary stands last: a file without one was cut short.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/text.h"
#include "analyzer/format/json/report_json.h"
#include "analyzer/report/render.h"

struct lines {
	struct json json;
	const struct report *report;
	bool has_lines;
	time_t seconds; /* of the moment that was written last, and the words for it */
	char words[40];
};

static void begin_line(struct lines *lines, const char *type)
{
	if (lines->has_lines)
		json_next(&lines->json);
	lines->has_lines = true;
	json_open_object(&lines->json, NULL);
	json_text(&lines->json, "type", type);
}

/* A second is written many times, so the words for it are kept: strftime is felt where there are a million sockets. */
static void put_moment(struct lines *lines, uint32_t trace, uint64_t t_ns)
{
	uint64_t wall_ns = lifecycle_wall_ns(lines->report->lifecycle, trace, t_ns);
	time_t seconds = (time_t)(wall_ns / 1000000000);
	uint64_t rest = wall_ns % 1000000000;
	char words[sizeof(lines->words) + 12];
	struct tm utc;
	char *end;

	if (!t_ns)
		return;
	if (seconds != lines->seconds || !*lines->words) {
		if (!gmtime_r(&seconds, &utc) ||
			!strftime(lines->words, sizeof(lines->words), "%Y-%m-%dT%H:%M:%S.", &utc))
			*lines->words = '\0';
		lines->seconds = seconds;
	}
	end = stpcpy(words, lines->words);
	for (uint64_t unit = 100000000; unit; unit /= 10)
		*end++ = (char)('0' + rest / unit % 10);
	*end++ = 'Z';
	if (*lines->words)
		json_bytes(&lines->json, "time", words, (size_t)(end - words));
	json_number(&lines->json, "wall_ns", wall_ns);
}

static bool render_socket(const struct connection *connection, void *context)
{
	struct lines *lines = context;

	begin_line(lines, "socket");
	put_moment(lines, connection->trace, connection->record.opened_ns);
	report_json_socket(&lines->json, connection);
	json_close_object(&lines->json);
	return !ferror(lines->json.stream);
}

static void render_incident(struct lines *lines, const struct incident *incident)
{
	struct view view;

	if (view_load(lines->report, incident, &view)) {
		begin_line(lines, "incident");
		put_moment(lines, incident->trace, view.story.record.first_ns);
		report_json_incident(&lines->json, &view, report_suppression(lines->report, incident));
		json_close_object(&lines->json);
	}
	view_free(&view);
}

static void render_processes(struct lines *lines)
{
	const struct report *report = lines->report;
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);

	for (size_t i = 0; i < count; i++) {
		begin_line(lines, "process");
		put_moment(lines, processes[i].trace, processes[i].started_ns);
		report_json_process(&lines->json, &processes[i]);
		json_close_object(&lines->json);
	}
	for (size_t i = 0; i < report->unaudited_count; i++) {
		begin_line(lines, "unaudited");
		report_json_unaudited(&lines->json, &report->unaudited[i]);
		json_close_object(&lines->json);
	}
}

static void render_summary(struct lines *lines)
{
	begin_line(lines, "summary");
	json_text(&lines->json, "schema", REPORT_JSON_SCHEMA);
	json_text(&lines->json, "version", SOCKSAN_VERSION);
	report_json_summary(&lines->json, &lines->report->summary);
	report_json_limits(&lines->json);
	json_close_object(&lines->json);
}

void render_jsonl(const struct report *report, FILE *stream, bool color)
{
	struct lines *lines = text_allocate(sizeof(*lines));
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	(void)color;
	lines->report = report;
	json_begin(&lines->json, stream);
	render_processes(lines);
	lifecycle_each_socket(report->lifecycle, true, render_socket, lines);
	for (size_t i = 0; i < count && !ferror(stream); i++)
		render_incident(lines, &incidents[i]);
	render_summary(lines);
	json_end(&lines->json);
	free(lines);
}
