/*
 * text_suppressions.c: see text_suppressions.h.
 */
#include "analyzer/format/text/text_suppressions.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/message.h"
#include "analyzer/report/suppress_incidents.h"
#include "analyzer/symbols/frames.h"

static void show_rule(const struct text_page *page, const struct suppression *rule)
{
	char number[TEXT_NUMBER_BYTES];
	char *line;

	if (!rule->pattern)
		return; /* the baseline, of which more is to be said */
	if (rule->used)
		line = text_format("socksan: suppressed %s by %s (%s:%u)", text_plural(number, rule->used, "incident"),
			rule->text, rule->file, rule->line);
	else
		line = text_format("socksan: unused suppression %s (%s:%u)", rule->text, rule->file, rule->line);
	text_page_line(page, 9, line);
	free(line);
}

/* What the baseline took away, and what of it was not found this time. */
static void show_baseline(const struct text_page *page, const struct report_options *options)
{
	const struct suppression *rule = &options->suppressions->rules[options->baseline_rule - 1];
	char incidents[TEXT_NUMBER_BYTES];
	char places[TEXT_NUMBER_BYTES];
	uint64_t gone = 0;
	size_t count;
	struct finding **list = findings_list(options->baseline, &count);
	char *line;

	for (size_t i = 0; i < count; i++)
		gone += !list[i]->seen;
	line = text_format("socksan: baseline %s: %s known%s%s%s", rule->file,
		text_plural(incidents, rule->used, "incident"), gone ? "; " : "",
		gone ? text_plural(places, gone, "place") : "", gone ? " did not recur" : "");
	text_page_line(page, 9, line);
	free(line);
	free(list);
}

void text_suppressions_show(const struct text_page *page, const struct report *report)
{
	const struct suppressions *suppressions = report->options->suppressions;

	if (report->options->baseline)
		show_baseline(page, report->options);
	for (size_t i = 0; suppressions && i < suppressions->count; i++)
		if (suppressions->rules[i].used)
			show_rule(page, &suppressions->rules[i]);
	for (size_t i = 0; suppressions && i < suppressions->count; i++)
		if (!suppressions->rules[i].used)
			show_rule(page, &suppressions->rules[i]);
}

/* These lines are for a file: never broken. */
static void propose_for(const struct text_page *page, const struct report *report, const struct group *group)
{
	size_t count;
	const struct incident *incident = &lifecycle_incidents(report->lifecycle, &count)[group->first];
	const struct stack *stack;
	const struct frame *place;
	struct view view;
	char *where;
	char *rule;

	if (view_load(report, incident, &view)) {
		stack = view.write.count ? &view.write : &view.opened;
		place = frames_place(stack);
		rule = suppress_propose(view.kind->id, stack);
		where = place ? message_frame(place, page->sources) : text_copy("no stack");
		fprintf(page->stream, "# %s%s", rule ? "" : view.kind->id, rule ? "" : ": ");
		escape_write(page->stream, where, strlen(where));
		if (rule)
			fprintf(page->stream, "\n%s\n", rule);
		else
			fputs(": nothing here has a name\n", page->stream);
		free(where);
		free(rule);
	}
	view_free(&view);
}

void text_suppressions_propose(const struct text_page *page, const struct report *report)
{
	if (!report->options->gen_suppressions || !report->groups.count)
		return;
	fputs("# Suppressions for what was found; use them with --suppressions=FILE.\n", page->stream);
	for (size_t i = 0; i < report->groups.count && !ferror(page->stream); i++)
		propose_for(page, report, &report->groups.groups[i]);
	fputc('\n', page->stream);
}
