/*
 * render_html.c: the report as one file for a browser. Nothing is fetched, and it reads without a script; with it,
 * places can be filtered and the colours chosen.
 *
 * The Content-Security-Policy allows our style sheet and our script by their hashes and nothing else: should text from
 * outside ever get past html.h, it could still not run or load anything.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"
#include "analyzer/format/html/html.h"
#include "analyzer/format/html/html_assets.h"
#include "analyzer/format/html/html_incident.h"
#include "analyzer/format/html/html_overview.h"
#include "analyzer/format/html/html_page.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/wording/names.h"

#define SHOWN_PROCESSES 500

/* "redis-server", or how many processes the traces are of. */
static char *subject(const struct report *report)
{
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);
	char number[TEXT_NUMBER_BYTES];

	if (report->facts && report->facts->argv && report->facts->argv[0])
		return text_copy(text_basename(report->facts->argv[0]));
	if (count == 1)
		return names_program(&processes[0]);
	return text_copy(text_plural(number, count, "process"));
}

static const char *worst_class(const struct report *report)
{
	for (int severity = SEVERITY_ERROR; severity >= SEVERITY_NOTE; severity--)
		if (report->summary.incidents[severity])
			return kinds_severity_name((enum severity)severity);
	return text_coverage_is_whole(report) ? "clean" : "warning";
}

/* "2 errors, 1 warning and 3 notes" */
static char *verdict(const struct report *report)
{
	const uint64_t *counts = report->summary.incidents;
	char errors[TEXT_NUMBER_BYTES];
	char warnings[TEXT_NUMBER_BYTES];
	char notes[TEXT_NUMBER_BYTES];

	if (!counts[SEVERITY_ERROR] && !counts[SEVERITY_WARNING] && !counts[SEVERITY_NOTE])
		return text_copy(text_coverage_is_whole(report) ? "No incidents"
								: "Nothing found, but not everything was audited");
	return text_format("%s, %s and %s", text_plural(errors, counts[SEVERITY_ERROR], "error"),
		text_plural(warnings, counts[SEVERITY_WARNING], "warning"),
		text_plural(notes, counts[SEVERITY_NOTE], "note"));
}

static void put_head(const struct html_page *page)
{
	FILE *stream = page->stream;
	char *words = verdict(page->report);
	char *what = subject(page->report);

	fprintf(stream,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '%s'; "
		"script-src '%s'; base-uri 'none'; form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta name=\"generator\" content=\"socksan " SOCKSAN_VERSION "\">\n<title>",
		html_style_hash, html_script_hash);
	html_text(stream, what);
	fputs(": ", stream);
	html_text(stream, words);
	fprintf(stream, "</title>\n<style>%s</style>\n</head>\n", html_style);
	free(words);
	free(what);
}

static void put_command(const struct html_page *page)
{
	const struct run_facts *facts = page->report->facts;
	char number[24];

	if (!facts || !facts->argv)
		return;
	fputs("<p class=\"command\"><code>", page->stream);
	for (size_t i = 0; facts->argv[i]; i++) {
		fputs(i ? " " : "", page->stream);
		html_text(page->stream, facts->argv[i]);
	}
	fputs("</code>", page->stream);
	if (WIFSIGNALED(facts->wait_status))
		html_format(page->stream, " was ended by SIG%s", names_signal(WTERMSIG(facts->wait_status), number));
	else
		html_format(page->stream, " ended with status %d", WEXITSTATUS(facts->wait_status));
	fputs("</p>\n", page->stream);
}

static void put_date(const struct html_page *page)
{
	size_t count;
	const struct process *processes = lifecycle_processes(page->report->lifecycle, &count);
	uint64_t first_ns = 0;
	time_t seconds;
	struct tm utc;
	char date[40];

	for (size_t i = 0; i < count; i++) {
		uint64_t ns = lifecycle_wall_ns(page->report->lifecycle, processes[i].trace, processes[i].started_ns);

		first_ns = !first_ns || ns < first_ns ? ns : first_ns;
	}
	seconds = (time_t)(first_ns / 1000000000);
	if (first_ns && gmtime_r(&seconds, &utc) && strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &utc))
		fprintf(page->stream, ", begun %s", date);
}

static void put_coverage(const struct html_page *page)
{
	struct text_buffer buffer;
	struct text_page plain = {.stream = text_open(&buffer)};
	char *text;

	text_coverage_show(&plain, page->report);
	text = text_close(&buffer);
	if (*text) {
		fprintf(page->stream, "<div class=\"coverage%s\" role=\"note\"><h2>Not fully audited</h2><pre>",
			text_coverage_is_whole(page->report) ? "" : " gap");
		/* The lines are escaped already; as code they are not escaped again. */
		for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
			html_code(page->stream, line, strcspn(line, "\n"));
			fputc('\n', page->stream);
		}
		fputs("</pre></div>\n", page->stream);
	}
	free(text);
}

static void put_limits(const struct html_page *page)
{
	bool any = false;
	size_t at = 0;

	for (char *words; (words = limits_next(&at));) {
		if (!any)
			fputs("<div class=\"coverage gap\" role=\"note\"><h2>Left out of this report</h2>\n",
				page->stream);
		any = true;
		fputs("<p>", page->stream);
		html_owned(page->stream, words);
		fputs("</p>\n", page->stream);
	}
	if (any)
		fputs("</div>\n", page->stream);
}

static void put_verdict(const struct html_page *page)
{
	char *words = verdict(page->report);
	char *audited = text_coverage_audited(page->report);
	char suppressed[TEXT_NUMBER_BYTES];

	fprintf(page->stream, "<section class=\"verdict %s\">\n<h1>", worst_class(page->report));
	html_owned(page->stream, words);
	fputs("</h1>\n", page->stream);
	put_command(page);
	fputs("<p>Audited: ", page->stream);
	html_owned(page->stream, audited);
	if (page->report->summary.suppressed)
		fprintf(page->stream, "; %s suppressed",
			text_plural(suppressed, page->report->summary.suppressed, "incident"));
	put_date(page);
	fputs(".</p>\n", page->stream);
	put_coverage(page);
	fputs("</section>\n", page->stream);
}

static void put_worst(const struct html_page *page)
{
	FILE *stream = page->stream;

	if (!page->places)
		return;
	fprintf(stream,
		"<section aria-labelledby=\"worst-title\"><h2 id=\"worst-title\">%s</h2>\n"
		"<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"worst-title\">"
		"<table class=\"worst\"><thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">What</th>"
		"<th scope=\"col\">Where</th><th scope=\"col\">Times</th></tr></thead><tbody>\n",
		page->places > HTML_WORST ? "The worst" : "Summary");
	for (size_t i = 1; i <= page->worst_count; i++)
		html_incident_row(page, i);
	fputs("</tbody></table></div></section>\n", stream);
}

/* Hidden until the script shows it: without one it could do nothing. */
static void put_filters(FILE *stream)
{
	fputs("<form id=\"filters\" class=\"filters\" role=\"search\" aria-label=\"Filter the incidents\" hidden>\n"
	      "<label>Severity <select id=\"filter-severity\"><option value=\"\">all</option></select></label>\n"
	      "<label>Kind <select id=\"filter-kind\"><option value=\"\">all</option></select></label>\n"
	      "<label>Process <select id=\"filter-process\"><option value=\"\">all</option></select></label>\n"
	      "<label id=\"filter-label-field\">Test <select id=\"filter-label\"><option value=\"\">all</option>"
	      "</select></label>\n"
	      "<label class=\"grow\">Text <input id=\"filter-text\" type=\"search\" autocomplete=\"off\" "
	      "placeholder=\"function, file, address, ...\"></label>\n"
	      "<button type=\"reset\">Show all</button>\n"
	      "<output id=\"filter-count\" for=\"filter-kind filter-process filter-label filter-text\" "
	      "aria-live=\"polite\"></output>\n</form>\n",
		stream);
}

static void put_incidents(const struct html_page *page)
{
	size_t count = page->report->groups.count;
	char number[TEXT_NUMBER_BYTES];

	if (!page->places)
		return;
	fputs("<section id=\"incidents\" aria-labelledby=\"incidents-title\">"
	      "<h2 id=\"incidents-title\">Incidents</h2>\n",
		page->stream);
	put_filters(page->stream);
	for (size_t i = 1; i <= page->places && !ferror(page->stream); i++)
		html_incident(page, i);
	if (count > page->places)
		fprintf(page->stream,
			"<p class=\"aside\">%s that are not shown, none of them worse. "
			"The formats json and jsonl have them all.</p>\n",
			text_plural(number, count - page->places, "more place"));
	fputs("</section>\n", page->stream);
}

static void put_process(FILE *stream, const struct process *process)
{
	char *program = names_program(process);
	char number[TEXT_NUMBER_BYTES];
	size_t length;

	fprintf(stream, "<tr><td class=\"number\">%d</td><td>", process->pid);
	html_owned(stream, program);
	fputs("</td><td><code>", stream);
	for (size_t i = 0; i < process->argv.length; i += length + 1) {
		length = strnlen(process->argv.bytes + i, process->argv.length - i);
		fputs(i ? " " : "", stream);
		html_bytes(stream, process->argv.bytes + i, length);
	}
	fprintf(stream, "</code></td><td>%s", names_process_end(process));
	if (process->signal && process->end == PROCESS_KILLED)
		html_format(stream, " (SIG%s)", names_signal(process->signal, number));
	fprintf(stream, "</td><td class=\"number\">%s</td>", text_number(number, process->sockets_seen));
	fprintf(stream, "<td class=\"number\">%s</td>", text_number(number, process->writes));
	fprintf(stream, "<td class=\"number\">%s</td></tr>\n", text_number(number, process->lost_records));
}

static void put_processes(const struct html_page *page)
{
	size_t count;
	const struct process *processes = lifecycle_processes(page->report->lifecycle, &count);
	char number[TEXT_NUMBER_BYTES];

	fputs("<section aria-labelledby=\"processes-title\"><h2 id=\"processes-title\">Processes</h2>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
	      "aria-labelledby=\"processes-title\"><table><thead><tr>"
	      "<th scope=\"col\">pid</th><th scope=\"col\">Program</th><th scope=\"col\">Command line</th>"
	      "<th scope=\"col\">Ended</th><th scope=\"col\">Sockets</th><th scope=\"col\">Writes</th>"
	      "<th scope=\"col\">Records lost</th></tr></thead><tbody>\n",
		page->stream);
	for (size_t i = 0; i < count && i < SHOWN_PROCESSES; i++)
		put_process(page->stream, &processes[i]);
	fputs("</tbody></table></div>\n", page->stream);
	if (count > SHOWN_PROCESSES)
		fprintf(page->stream, "<p class=\"aside\">... and %s.</p>\n",
			text_plural(number, count - SHOWN_PROCESSES, "more process"));
	fputs("</section>\n", page->stream);
}

/* What the kinds mean that occur in this report. */
static void put_kinds(const struct html_page *page)
{
	FILE *stream = page->stream;
	size_t kind_count;
	size_t count;
	const struct kind *kinds = kinds_all(&kind_count);
	const struct incident *incidents = lifecycle_incidents(page->report->lifecycle, &count);
	uint64_t seen = 0;

	for (size_t i = 0; i < count; i++)
		seen |= incidents[i].kind < 64 && !incidents[i].suppressed_by ? UINT64_C(1) << incidents[i].kind : 0;
	if (!seen)
		return;
	fputs("<section aria-labelledby=\"kinds-title\"><h2 id=\"kinds-title\">What it means</h2>\n", stream);
	for (size_t i = 0; i < kind_count; i++) {
		if (!(seen & UINT64_C(1) << (i + 1)))
			continue;
		fprintf(stream, "<article class=\"meaning\" id=\"kind-%s\" aria-label=\"%s\"><h3>%s</h3><p>",
			kinds[i].id, kinds[i].id, kinds[i].id);
		html_text(stream, kinds[i].text->meaning);
		fputs("</p><dl><dt>Likely causes</dt><dd>", stream);
		html_text(stream, kinds[i].text->causes);
		fputs("</dd><dt>How to fix it</dt><dd>", stream);
		html_text(stream, kinds[i].text->fix);
		fputs("</dd></dl></article>\n", stream);
	}
	fputs("</section>\n", stream);
}

/* They are shown twice, as a row and as an article, and read once. */
static void load_worst(struct html_page *page)
{
	const struct report *report = page->report;
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	page->worst_count = page->places < HTML_WORST ? page->places : HTML_WORST;
	for (size_t i = 0; i < page->worst_count; i++)
		if (!view_load(report, &incidents[report->groups.groups[i].first], &page->worst[i]))
			page->worst[i].incident = NULL;
}

void render_html(const struct report *report, FILE *stream, bool color)
{
	struct html_page page = {.stream = stream, .report = report, .sources = sources_new()};

	(void)color;
	for (size_t i = 0; i < report->options->source_tree_count; i++)
		sources_add_tree(page.sources, report->options->source_trees[i]);
	page.places = report->groups.count < HTML_MAX_PLACES ? report->groups.count : HTML_MAX_PLACES;
	load_worst(&page);
	put_head(&page);
	fputs("<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header class=\"top\">"
	      "<span class=\"brand\">socksan</span>"
	      "<nav aria-label=\"Sections\">"
	      "<a href=\"#run\">The run</a> <a href=\"#incidents\">Incidents</a> "
	      "<a href=\"#processes-title\">Processes</a></nav>"
	      "<button id=\"theme\" type=\"button\" hidden>Dark</button></header>\n<main id=\"main\">\n",
		stream);
	put_verdict(&page);
	put_worst(&page);
	html_overview(&page);
	put_incidents(&page);
	put_processes(&page);
	put_kinds(&page);
	put_limits(&page);
	fprintf(stream,
		"</main>\n<footer>Made by socksan " SOCKSAN_VERSION ". \"Acknowledged\" is what the peer's TCP said, "
		"which is not that the peer read it.</footer>\n<script>%s</script>\n</body>\n</html>\n",
		html_script);
	for (size_t i = 0; i < page.worst_count; i++)
		view_free(&page.worst[i]);
	sources_free(page.sources);
}
