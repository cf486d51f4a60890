/*
 * render_text.c: the report for a person: worst first, at most a screen for each incident, a summary line last.
 */
#include <stdlib.h>

#include "analyzer/base/text.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/format/text/text_incident.h"
#include "analyzer/format/text/text_page.h"
#include "analyzer/format/text/text_suppressions.h"
#include "analyzer/report/render.h"

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
		text_incident_show(page, &view);
		text_incident_others(page, report, group);
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
		if (incidents[i].suppressed_by)
			continue;
		guilty += !seen[incidents[i].process];
		seen[incidents[i].process] = true;
	}
	free(seen);
	return guilty;
}

static void show_summary(const struct text_page *page, const struct report *report)
{
	const uint64_t *by_severity = report->summary.incidents;
	char errors[TEXT_NUMBER_BYTES];
	char warnings[TEXT_NUMBER_BYTES];
	char notes[TEXT_NUMBER_BYTES];
	char places[TEXT_NUMBER_BYTES];
	char processes[TEXT_NUMBER_BYTES];
	char *coverage = text_coverage_audited(report);

	fprintf(page->stream, "socksan: audited %s\n", coverage);
	if (!report->groups.count && !text_coverage_is_whole(report))
		fprintf(page->stream, "socksan: nothing%s found, but not everything was audited\n",
			report->groups.suppressed ? " new" : "");
	else if (!report->groups.count && report->groups.suppressed)
		fprintf(page->stream, "socksan: no new incidents (%s known or suppressed)\n",
			text_number(places, report->summary.suppressed));
	else if (!report->groups.count)
		fprintf(page->stream, "socksan: no incidents\n");
	fprintf(page->stream, "socksan: ERROR SUMMARY: %s, %s, %s",
		text_plural(errors, by_severity[SEVERITY_ERROR], "error"),
		text_plural(warnings, by_severity[SEVERITY_WARNING], "warning"),
		text_plural(notes, by_severity[SEVERITY_NOTE], "note"));
	if (report->groups.count)
		fprintf(page->stream, " from %s in %s", text_plural(places, report->groups.count, "place"),
			text_plural(processes, guilty_processes(report), "process"));
	if (report->summary.suppressed)
		fprintf(page->stream, " (%s suppressed)", text_number(places, report->summary.suppressed));
	if (report->summary.unaudited_processes)
		fprintf(page->stream, " (%s NOT AUDITED)",
			text_plural(processes, report->summary.unaudited_processes, "process"));
	fputc('\n', page->stream);
	free(coverage);
}

void render_text(const struct report *report, FILE *stream, bool color)
{
	struct sources *sources;
	struct text_page page = {.stream = stream, .color = color};

	if (report->options->quiet && !report->groups.count && text_coverage_is_whole(report))
		return;
	sources = sources_new();
	page.sources = sources;
	/* What the command wrote before to the same terminal may not have ended its line. */
	if (report->facts && stream == report->options->default_stream)
		fputc('\n', stream);
	show_groups(&page, report);
	text_suppressions_propose(&page, report);
	text_coverage_show(&page, report);
	text_coverage_limits(&page);
	text_suppressions_show(&page, report);
	show_summary(&page, report);
	sources_free(sources);
}
