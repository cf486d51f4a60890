/*
 * cmd_diff.c: `socksan diff BASE NEW`: which incidents are new, gone and still there.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/command.h"
#include "analyzer/findings.h"
#include "analyzer/json.h"
#include "analyzer/kinds.h"
#include "analyzer/options.h"
#include "analyzer/progress.h"
#include "analyzer/report.h"
#include "analyzer/text.h"
#include "analyzer/text_page.h"

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

static void help(void)
{
	fputs("Usage: socksan diff [options] BASE NEW\n"
	      "\n"
	      "Compares two reports (json or jsonl), traces or directories of traces, and lists the\n"
	      "incidents that are new, gone and still there. An incident is recognised by its\n"
	      "fingerprint, which survives rebuilds and moved lines. A note in BASE does not make\n"
	      "known what is a warning or an error in NEW.\n"
	      "\n"
	      "Options:\n"
	      "  --format=NAME           text (default) or json\n"
	      "  --fail-on=LIST          severities of new incidents that change the exit status: error,\n"
	      "                          warning, note, all or none, separated by commas (default: error)\n"
	      "  --error-exitcode=N      exit status where there are such (default: 66; 0: never)\n"
	      "  --color=WHEN            auto, always or never (default: auto)\n"
	      "  -q, --quiet             only what is new, and no progress on the terminal\n"
	      "  --help                  this text\n"
	      "\n"
	      "Exit status: 0; 66 (--error-exitcode) where there are new incidents of a severity in\n"
	      "--fail-on; 125 where BASE or NEW could not be read.\n",
		stdout);
}

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

/* --- As text ------------------------------------------------------------------------------------------------------------- */

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

/* --- As JSON ------------------------------------------------------------------------------------------------------------- */

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

/* --- The command --------------------------------------------------------------------------------------------------------- */

static int exit_status(const struct diff *diff, const struct report_options *options)
{
	for (int severity = 0; severity < SEVERITIES; severity++)
		if (diff->new_incidents[severity] && options->fail_on & 1u << severity)
			return options->error_exitcode;
	return 0;
}

static int show_diff(const struct report_options *options, const char *base_path, const char *new_path)
{
	bool as_json = options->output_count && !strcmp(options->outputs[0].format, "json");
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

/* Of the options of reports those that mean something here. */
static bool takes(const struct report_options *options)
{
	if (options->output_count > 1 || (options->output_count && options->outputs[0].path) || options->suppressions ||
		options->gen_suppressions || options->source_tree_count) {
		text_complain(
			"diff: of the options of reports only those that `socksan diff --help` lists can be used");
		return false;
	}
	if (options->output_count && strcmp(options->outputs[0].format, "text") != 0 &&
		strcmp(options->outputs[0].format, "json") != 0) {
		text_complain("diff: the formats are text, json");
		return false;
	}
	return true;
}

static int diff(struct report_options *options, int argc, char **argv)
{
	enum options_read read = options_read(options, "diff", argc, argv);

	if (read == OPTIONS_HELP)
		help();
	if (read != OPTIONS_READ)
		return read == OPTIONS_HELP ? 0 : EXIT_SOCKSAN;
	if (!takes(options))
		return EXIT_SOCKSAN;
	if (argc - optind != 2) {
		text_complain("diff needs two reports or traces: BASE and NEW");
		return EXIT_SOCKSAN;
	}
	return show_diff(options, argv[optind], argv[optind + 1]);
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
