/*
 * render_github.c: workflow commands that GitHub Actions turns into annotations beside the code.
 *
 * A step shows ten annotations of each level and drops the rest without a word. So no level has more than ten, the
 * worst come first, and one notice counts what is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/report/message.h"
#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"

#define SHOWN_OF_A_LEVEL 10

static const char *const commands[SEVERITIES] = {
	[SEVERITY_NOTE] = "notice", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};

/* What would end the command, or its line; in a property also what would end the property. */
static void put_data(FILE *stream, const char *text, bool is_property)
{
	for (; *text; text++) {
		if (*text == '%' || *text == '\r' || *text == '\n' || (is_property && (*text == ':' || *text == ',')))
			fprintf(stream, "%%%02X", (unsigned char)*text);
		else
			fputc(*text, stream);
	}
}

static void put_place(FILE *stream, const struct view *view, const struct sources *sources)
{
	const struct frame *place = message_place(view);
	bool inside = false;
	char *path;
	char *safe;

	if (!place || !*place->file || place->line <= 0)
		return;
	path = sources_path(sources, place->file, &inside);
	/* A path outside the checkout means nothing to the service, which would show the annotation nowhere. */
	if (inside) {
		safe = escape_copy(path, strlen(path));
		fputs("file=", stream);
		put_data(stream, safe, true);
		fprintf(stream, ",line=%d,", place->line);
		free(safe);
	}
	free(path);
}

static bool annotate(
	const struct report *report, const struct group *group, const struct sources *sources, FILE *stream)
{
	size_t count;
	const struct incident *incident = &lifecycle_incidents(report->lifecycle, &count)[group->first];
	struct view view;
	char *message;
	bool loaded = view_load(report, incident, &view);

	if (loaded) {
		message = message_make(&view, group, sources);
		fprintf(stream, "::%s ", commands[incident->severity]);
		put_place(stream, &view, sources);
		fprintf(stream, "title=socksan%%3A %s::", view.kind->id);
		put_data(stream, message, false);
		fputc('\n', stream);
		free(message);
	}
	view_free(&view);
	return loaded;
}

/* Groups of each severity that are to be reported. */
static void count_groups(const struct report *report, size_t counts[SEVERITIES])
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	for (size_t i = 0; i < report->groups.count; i++)
		counts[incidents[report->groups.groups[i].first].severity]++;
}

/* "3 errors", after a comma where something stands before it; nothing for none. */
static void put_count(FILE *stream, bool *any, size_t count, const char *one)
{
	char number[TEXT_NUMBER_BYTES];

	if (!count)
		return;
	fprintf(stream, "%s%s", *any ? ", " : "", text_plural(number, count, one));
	*any = true;
}

static void count_the_rest(FILE *stream, const size_t left[SEVERITIES])
{
	static const char *const names[SEVERITIES] = {
		[SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};
	bool any = false;

	fputs("::notice title=socksan::not annotated%3A ", stream);
	for (int severity = SEVERITY_ERROR; severity >= SEVERITY_NOTE; severity--)
		put_count(stream, &any, left[severity], names[severity]);
	fputs(". The report has them all.\n", stream);
}

/* An annotation without a place: `command`, and the lines, which it takes. */
static void put_annotation(FILE *stream, const char *command, char *lines)
{
	size_t length = strlen(lines);

	if (length && lines[length - 1] == '\n')
		lines[length - 1] = '\0';
	fputs(command, stream);
	put_data(stream, lines, false);
	fputc('\n', stream);
	free(lines);
}

/* What was not audited is a reason not to trust an empty list. */
static void warn_of_coverage(const struct report *report, FILE *stream, size_t *warnings)
{
	struct text_buffer buffer;
	struct text_page page = {0};

	if (text_coverage_is_whole(report))
		return;
	page.stream = text_open(&buffer);
	text_coverage_show(&page, report);
	put_annotation(stream, "::warning title=socksan%3A not everything was audited::", text_close(&buffer));
	++*warnings;
}

/* One more notice, of what only became known on the way. */
static void tell_limits(FILE *stream)
{
	struct text_buffer buffer;
	struct text_page page = {.stream = text_open(&buffer)};
	char *lines;

	text_coverage_limits(&page);
	lines = text_close(&buffer);
	if (*lines)
		put_annotation(stream, "::notice title=socksan%3A limits of the report::", lines);
	else
		free(lines);
}

void render_github(const struct report *report, FILE *stream, bool color)
{
	struct sources *sources = sources_new();
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);
	size_t of_severity[SEVERITIES] = {0};
	size_t shown[SEVERITIES] = {0};
	size_t left[SEVERITIES];
	size_t limits[SEVERITIES] = {SHOWN_OF_A_LEVEL, SHOWN_OF_A_LEVEL, SHOWN_OF_A_LEVEL};
	bool all_fit = true;

	(void)color;
	count_groups(report, of_severity);
	warn_of_coverage(report, stream, &shown[SEVERITY_WARNING]);
	for (int severity = 0; severity < SEVERITIES; severity++)
		all_fit &= of_severity[severity] + shown[severity] <= SHOWN_OF_A_LEVEL;
	/* The line that counts the rest is a notice, too. */
	if (!all_fit)
		limits[SEVERITY_NOTE]--;
	memcpy(left, of_severity, sizeof(left));
	for (size_t i = 0; i < report->groups.count && !ferror(stream); i++) {
		const struct group *group = &report->groups.groups[i];
		enum severity severity = incidents[group->first].severity;

		if (shown[severity] < limits[severity] && annotate(report, group, sources, stream)) {
			shown[severity]++;
			left[severity]--;
		}
	}
	if (left[SEVERITY_NOTE] + left[SEVERITY_WARNING] + left[SEVERITY_ERROR])
		count_the_rest(stream, left);
	tell_limits(stream);
	sources_free(sources);
}
