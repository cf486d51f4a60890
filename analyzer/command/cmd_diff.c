/*
 * cmd_diff.c: `socksan diff BASE NEW`: which incidents are new, gone and still there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/json.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/command/options.h"
#include "analyzer/format/text/text_page.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/report.h"
#include "analyzer/wording/kinds.h"

/* What became of a finding. */
enum change { CHANGE_NEW, CHANGE_GONE, CHANGE_SAME, CHANGES };

struct diff {
	struct finding **before;
	size_t before_count;
	struct finding **after;
	size_t after_count;
	enum change *changes; /* of each in `after`: new or the same */
	size_t counts[CHANGES];
	uint64_t new_incidents[SEVERITIES];
};

static void compare(struct diff *diff, struct findings *base, const struct findings *now)
{
	diff->after = findings_list(now, &diff->after_count);
	diff->changes = text_allocate(diff->after_count * sizeof(*diff->changes));
	for (size_t i = 0; i < diff->after_count; i++) {
		const struct finding *finding = diff->after[i];
		bool known = findings_cover(base, finding->fingerprint, finding->severity);

		diff->changes[i] = known ? CHANGE_SAME : CHANGE_NEW;
		diff->counts[diff->changes[i]]++;
		if (!known)
			diff->new_incidents[finding->severity] += finding->count;
	}
	diff->before = findings_list(base, &diff->before_count);
	for (size_t i = 0; i < diff->before_count; i++)
		diff->counts[CHANGE_GONE] += !diff->before[i]->seen;
}

/* --- As text ------------------------------------------------------------------------------------------------------ */

static const char *const change_names[CHANGES] = {
	[CHANGE_NEW] = "new", [CHANGE_GONE] = "gone", [CHANGE_SAME] = "still there"};

static void show_finding(const struct text_page *page, const struct finding *finding, enum change change)
{
	char *line = text_format("%s  %016" PRIx64, finding->kind, finding->fingerprint);
	char number[TEXT_NUMBER_BYTES];

	text_page_severity(page, finding->severity);
	fprintf(page->stream, " %s: ", change_names[change]);
	text_page_line(page, 2, line);
	free(line);
	text_page_title(page, finding->title);
	if (*finding->place)
		text_page_field(page, "in", finding->place);
	if (finding->count > 1) {
		line = text_format("%s incidents", text_number(number, finding->count));
		text_page_field(page, "", line);
		free(line);
	}
}

static void show_text(const struct diff *diff, const struct report_options *options)
{
	struct text_page page = {.stream = stdout, .color = report_wants_color(options, stdout)};

	for (size_t i = 0; i < diff->after_count; i++)
		if (diff->changes[i] == CHANGE_NEW)
			show_finding(&page, diff->after[i], CHANGE_NEW);
	for (size_t i = 0; i < diff->before_count && !options->quiet; i++)
		if (!diff->before[i]->seen)
			show_finding(&page, diff->before[i], CHANGE_GONE);
	for (size_t i = 0; i < diff->after_count && !options->quiet; i++)
		if (diff->changes[i] == CHANGE_SAME)
			show_finding(&page, diff->after[i], CHANGE_SAME);
	printf("socksan: DIFF SUMMARY: %zu new, %zu gone, %zu still there\n", diff->counts[CHANGE_NEW],
		diff->counts[CHANGE_GONE], diff->counts[CHANGE_SAME]);
}

/* --- As JSON ------------------------------------------------------------------------------------------------------ */

static void put_finding(struct json *json, const struct finding *finding)
{
	char fingerprint[20];

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, finding->fingerprint);
	json_break(json);
	json_open_object(json, NULL);
	json_text(json, "fingerprint", fingerprint);
	json_text(json, "kind", finding->kind);
	json_text(json, "severity", kinds_severity_name(finding->severity));
	json_text(json, "title", finding->title);
	json_text(json, "place", finding->place);
	json_number(json, "count", finding->count);
	json_close_object(json);
}

static void put_changed(struct json *json, const struct diff *diff, const char *name, enum change change)
{
	json_open_list(json, name);
	for (size_t i = 0; i < diff->after_count; i++)
		if (diff->changes[i] == change)
			put_finding(json, diff->after[i]);
	json_close_list(json);
}

static void show_json(const struct diff *diff)
{
	struct json *json = text_allocate(sizeof(*json));

	json_begin(json, stdout);
	json_open_object(json, NULL);
	json_text(json, "schema", "socksan-diff/1");
	put_changed(json, diff, "new", CHANGE_NEW);
	json_open_list(json, "gone");
	for (size_t i = 0; i < diff->before_count; i++)
		if (!diff->before[i]->seen)
			put_finding(json, diff->before[i]);
	json_close_list(json);
	put_changed(json, diff, "same", CHANGE_SAME);
	json_close_object(json);
	json_end(json);
	free(json);
}

/* --- The command -------------------------------------------------------------------------------------------------- */

static int exit_status(const struct diff *diff, const struct report_options *options)
{
	for (int severity = 0; severity < SEVERITIES; severity++)
		if (diff->new_incidents[severity] && options->fail_on & 1u << severity)
			return options->error_exitcode;
	return 0;
}

static int show_diff(const struct report_options *options, const char *base_path, const char *new_path)
{
	bool as_json = options->output_count && !strcmp(options->outputs[options->output_count - 1].format, "json");
	struct findings *base = findings_new();
	struct findings *now = findings_new();
	struct diff diff = {0};
	int status = EXIT_SOCKSAN;

	progress_allow(!options->quiet);
	if (findings_read(base, base_path) && findings_read(now, new_path)) {
		compare(&diff, base, now);
		if (as_json)
			show_json(&diff);
		else
			show_text(&diff, options);
		status = exit_status(&diff, options);
	}
	free(diff.before);
	free(diff.after);
	free(diff.changes);
	findings_free(base);
	findings_free(now);
	return status;
}

static int diff(struct report_options *options, int argc, char **argv)
{
	struct command_line line = {.subcommand = SUBCOMMAND_DIFF, .take = options_take, .context = options};
	enum command_line_end end = command_line_read(&line, argc, argv);

	if (end != COMMAND_LINE_READ)
		return end == COMMAND_LINE_DONE ? 0 : EXIT_SOCKSAN;
	if (line.rest_count != 2) {
		text_complain("diff needs two reports or traces: BASE and NEW");
		return EXIT_SOCKSAN;
	}
	return show_diff(options, line.rest[0], line.rest[1]);
}

int command_diff(int argc, char **argv)
{
	struct report_options options;
	int status;

	options_init(&options, stdout);
	status = diff(&options, argc, argv);
	options_free(&options);
	return status;
}
