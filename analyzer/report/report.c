/*
 * report.c: see report.h.
 */
#include "analyzer/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/render.h"
#include "analyzer/report/suppress_incidents.h"

static const struct renderer renderers[] = {
#define FORMAT(id, about) {#id, render_##id},
	FORMATS(FORMAT)
#undef FORMAT
};

#define RENDERER_COUNT (sizeof(renderers) / sizeof(renderers[0]))

static const struct renderer *find_renderer(const char *name)
{
	for (size_t i = 0; i < RENDERER_COUNT; i++)
		if (!strcmp(renderers[i].name, name))
			return &renderers[i];
	return NULL;
}

bool report_knows_format(const char *name)
{
	return find_renderer(name) != NULL;
}

const char *report_format_names(void)
{
	static char names[16 * RENDERER_COUNT];

	if (!*names) {
		for (size_t i = 0; i < RENDERER_COUNT; i++) {
			strcat(names, i ? ", " : "");
			strcat(names, renderers[i].name);
		}
	}
	return names;
}

/* The strings stay those of the facts and of the lifecycle. */
static void list_unaudited(struct report *report)
{
	size_t escaped = report->facts ? report->facts->escaped_count : 0;
	size_t unreadable;
	const struct unreadable_trace *traces = lifecycle_unreadable(report->lifecycle, &unreadable);

	report->unaudited_count = escaped + unreadable;
	report->unaudited = text_allocate(report->unaudited_count * sizeof(*report->unaudited));
	for (size_t i = 0; i < escaped; i++)
		report->unaudited[i] = report->facts->escaped[i];
	for (size_t i = 0; i < unreadable; i++)
		report->unaudited[escaped + i] =
			(struct escaped_process){.path = traces[i].path, .reason = traces[i].reason};
}

static void summarize(struct report *report)
{
	struct summary *summary = &report->summary;
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);
	const struct incident *incidents;
	uint64_t records = lifecycle_socket_count(report->lifecycle);

	summary->processes = count;
	for (size_t i = 0; i < count; i++) {
		summary->sockets += processes[i].sockets_seen;
		summary->recycled += processes[i].sockets_recycled;
		summary->writes += processes[i].writes;
		summary->lost_records += processes[i].lost_records;
	}
	/* A process that was killed may have recorded a socket that it had no time left to count. */
	if (summary->sockets < records)
		summary->sockets = records;
	incidents = lifecycle_incidents(report->lifecycle, &count);
	for (size_t i = 0; i < count; i++) {
		if (incidents[i].suppressed_by)
			summary->suppressed++;
		else
			summary->incidents[incidents[i].severity]++;
	}
	summary->unaudited_processes = report->unaudited_count;
}

const struct suppression *report_suppression(const struct report *report, const struct incident *incident)
{
	return incident->suppressed_by ? &report->options->suppressions->rules[incident->suppressed_by - 1] : NULL;
}

bool report_wants_color(const struct report_options *options, FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (options->color != COLOR_AUTO)
		return options->color == COLOR_ALWAYS;
	return !(no_color && *no_color) && !(terminal && !strcmp(terminal, "dumb")) && isatty(fileno(stream));
}

static bool render_to(
	const struct report *report, const struct renderer *renderer, FILE *stream, const char *where, bool is_ours)
{
	char what[64];
	bool failed;

	limits_refill();
	snprintf(what, sizeof(what), "writing the %s report", renderer->name);
	/* Not into the midst of a report on the terminal. */
	if (!isatty(fileno(stream)))
		progress_begin(what);
	renderer->render(report, stream, report_wants_color(report->options, stream));
	failed = fflush(stream) || ferror(stream);
	progress_end();
	if (failed)
		text_complain("cannot write the %s report to %s: %s", renderer->name, where, strerror(errno));
	if (is_ours && fclose(stream) && !failed) {
		text_complain("cannot write the %s report to %s: %s", renderer->name, where, strerror(errno));
		failed = true;
	}
	return !failed;
}

/* A umask may have left even the owner no right to the report: for others it holds. */
static void let_owner_read(FILE *stream)
{
	struct stat status;

	if (fstat(fileno(stream), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
		(status.st_mode & 0600) != 0600)
		fchmod(fileno(stream), (status.st_mode & 07777) | 0600);
}

static bool write_output(const struct report *report, const struct report_output *output)
{
	const struct renderer *renderer = find_renderer(output->format);
	FILE *stream;

	if (!renderer) {
		text_complain("unknown format \"%s\": the formats are %s", output->format, report_format_names());
		return false;
	}
	if (!output->path)
		return render_to(report, renderer, report->options->default_stream, "its stream", false);
	if (!strcmp(output->path, "-"))
		return render_to(report, renderer, stdout, "standard output", false);
	stream = fopen(output->path, "we");
	if (!stream) {
		text_complain("cannot write %s: %s", output->path, strerror(errno));
		return false;
	}
	let_owner_read(stream);
	return render_to(report, renderer, stream, output->path, true);
}

/* Every output is tried, even where one before it failed. */
static bool write_outputs(const struct report *report)
{
	static const struct report_output text = {.format = "text"};
	const struct report_options *options = report->options;
	bool good = true;

	if (options->output_count == 0)
		return write_output(report, &text);
	for (size_t i = 0; i < options->output_count; i++)
		good &= write_output(report, &options->outputs[i]);
	return good;
}

static int exit_status(const struct report *report)
{
	size_t unreadable;

	for (int severity = 0; severity < SEVERITIES; severity++)
		if (report->summary.incidents[severity] && report->options->fail_on & 1u << severity)
			return report->options->error_exitcode;
	/* There is a trace where a process used sockets: what it did with them is not known, and may be anything. */
	lifecycle_unreadable(report->lifecycle, &unreadable);
	unreadable += report->facts ? report->facts->untraced : 0;
	return unreadable && report->options->fail_on ? report->options->error_exitcode : 0;
}

/* What the baseline has is known: reported as suppressed by it. */
static void apply_baseline(struct report *report)
{
	const struct report_options *options = report->options;
	size_t count;
	struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	for (size_t i = 0; i < count && options->suppressions; i++) {
		bool known = findings_cover(
			options->baseline, incidents[i].fingerprint, (enum severity)incidents[i].severity);

		if (!known || incidents[i].suppressed_by)
			continue;
		incidents[i].suppressed_by = options->baseline_rule;
		options->suppressions->rules[options->baseline_rule - 1].used++;
	}
}

static int make_report(struct report *report)
{
	int status;

	report->symbolizer = symbolizer_new();
	if (report->options->suppressions)
		suppress_incidents(report->lifecycle, report->symbolizer, report->options->suppressions);
	group_identify(report->lifecycle, report->symbolizer);
	if (report->options->baseline)
		apply_baseline(report);
	group_incidents(report->lifecycle, &report->groups);
	list_unaudited(report);
	summarize(report);
	status = write_outputs(report) ? exit_status(report) : EXIT_SOCKSAN;
	free(report->unaudited);
	group_free(&report->groups);
	symbolizer_free(report->symbolizer);
	return status;
}

int report_traces(
	const struct report_options *options, const struct run_facts *facts, char *const *paths, size_t path_count)
{
	struct command_end end = {0};
	struct report report = {.options = options, .facts = facts};
	size_t process_count;
	size_t unreadable;
	int status;

	if (facts)
		end = (struct command_end){.pid = facts->pid, .wait_status = facts->wait_status};
	limits_reset();
	progress_allow(!options->quiet);
	report.lifecycle = lifecycle_read(paths, path_count, facts ? &end : NULL);
	lifecycle_processes(report.lifecycle, &process_count);
	lifecycle_unreadable(report.lifecycle, &unreadable);
	if (!facts && lifecycle_trace_count(report.lifecycle) == 0 && !unreadable) {
		text_complain("no trace found");
		status = EXIT_NO_TRACE;
	} else if (facts && facts->signed_in == 0 && process_count == 0) {
		text_complain(
			"nothing was audited: no process of the command loaded libsocksan.so, so there is no report");
		status = EXIT_SOCKSAN;
	} else {
		status = make_report(&report);
	}
	lifecycle_free(report.lifecycle);
	return status;
}
