/*
 * render_junit.c: JUnit XML, which every CI service reads.
 *
 * A test case (junit_cases.h) fails where it has incidents that would fail the run (--fail-on). There is no schema that
 * all readers share, so only the elements and attributes are used that all of them know, and all of an incident stands
 * in the text of the failure: some readers show nothing else.
 */
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/text.h"
#include "analyzer/format/ci/junit_cases.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/format/text/text_incident.h"
#include "analyzer/report/render.h"

#define SHOWN_PLACES 50 /* of one test case */

struct junit {
	const struct report *report;
	xmlTextWriterPtr writer;
	const struct process *processes;
	size_t process_count;
	const struct incident *incidents;
	struct test_cases cases;
};

static void begin(struct junit *junit, const char *element)
{
	xmlTextWriterStartElement(junit->writer, BAD_CAST element);
}

static void end(struct junit *junit)
{
	xmlTextWriterEndElement(junit->writer);
}

static void attribute(struct junit *junit, const char *name, const char *value)
{
	xmlTextWriterWriteAttribute(junit->writer, BAD_CAST name, BAD_CAST value);
}

static void count_attribute(struct junit *junit, const char *name, size_t value)
{
	xmlTextWriterWriteFormatAttribute(junit->writer, BAD_CAST name, "%zu", value);
}

static void time_attribute(struct junit *junit, uint64_t ns)
{
	xmlTextWriterWriteFormatAttribute(
		junit->writer, BAD_CAST "time", "%" PRIu64 ".%03u", ns / 1000000000, (unsigned)(ns / 1000000 % 1000));
}

static void element(struct junit *junit, const char *name, const char *text)
{
	begin(junit, name);
	xmlTextWriterWriteString(junit->writer, BAD_CAST text);
	end(junit);
}

static bool fails(const struct junit *junit, const struct incident *incident)
{
	return junit->report->options->fail_on & 1u << incident->severity;
}

/* The incidents of a group that one test case has: shown as one. */
static void show_place(const struct text_page *page, const struct view *view, size_t count)
{
	char number[TEXT_NUMBER_BYTES];

	text_page_severity(page, view->incident->severity);
	fprintf(page->stream, ": %s\n", view->kind->id);
	text_page_title(page, view->title);
	text_incident_show(page, view);
	if (count > 1)
		fprintf(page->stream, "  ... and %s more like it\n", text_number(number, count - 1));
	fputc('\n', page->stream);
}

/* What a test case has to say: of incidents that fail it, or of the others. */
struct account {
	size_t places;
	char *title; /* of the first */
	const char *kind;
	struct text_buffer text;
};

static void give_account(
	struct junit *junit, const struct test_entry *first, size_t count, bool failing, struct account *account)
{
	struct text_page page = {.stream = text_open(&account->text)};
	size_t same;

	for (size_t i = 0; i < count; i += same) {
		const struct incident *incident = &junit->incidents[first[i].incident];
		struct view view;

		for (same = 1; i + same < count; same++)
			if (junit->incidents[first[i + same].incident].group != incident->group)
				break;
		if (fails(junit, incident) != failing || account->places++ >= SHOWN_PLACES)
			continue;
		if (view_load(junit->report, incident, &view)) {
			show_place(&page, &view, same);
			if (!account->title) {
				account->title = test_cases_escaped(view.title, strlen(view.title));
				account->kind = view.kind->id;
			}
		}
		view_free(&view);
	}
	if (account->places > SHOWN_PLACES)
		fprintf(page.stream, "and %zu more places that are not shown, none of them worse\n",
			account->places - SHOWN_PLACES);
	test_cases_clean(text_close(&account->text));
}

static void render_failure(struct junit *junit, const struct account *account)
{
	if (!account->title)
		return;
	begin(junit, "failure");
	if (account->places > 1)
		xmlTextWriterWriteFormatAttribute(
			junit->writer, BAD_CAST "message", "%s (and %zu more)", account->title, account->places - 1);
	else
		attribute(junit, "message", account->title);
	attribute(junit, "type", account->kind);
	xmlTextWriterWriteString(junit->writer, BAD_CAST account->text.text);
	end(junit);
}

static void render_case(
	struct junit *junit, const struct test_case *test_case, const struct test_entry *first, size_t count)
{
	const struct process *process = &junit->processes[test_case->process];
	struct account failure = {0};
	struct account other = {0};

	begin(junit, "testcase");
	attribute(junit, "classname", test_case->program);
	attribute(junit, "name", test_case->name);
	time_attribute(junit, process->ended_ns > process->started_ns ? process->ended_ns - process->started_ns : 0);
	give_account(junit, first, count, true, &failure);
	give_account(junit, first, count, false, &other);
	render_failure(junit, &failure);
	if (other.places)
		element(junit, "system-out", other.text.text);
	end(junit);
	free(failure.title);
	free(failure.text.text);
	free(other.title);
	free(other.text.text);
}

/* A process that nobody audited did not pass. */
static void render_unaudited(struct junit *junit, const struct escaped_process *process)
{
	char *path = test_cases_escaped(process->path, strlen(process->path));
	char *reason = test_cases_escaped(process->reason, strlen(process->reason));
	char *name = test_cases_unique_name(&junit->cases, text_basename(path), text_basename(path));

	begin(junit, "testcase");
	attribute(junit, "classname", text_basename(path));
	attribute(junit, "name", name);
	time_attribute(junit, 0);
	begin(junit, "skipped");
	if (process->pid)
		xmlTextWriterWriteFormatAttribute(
			junit->writer, BAD_CAST "message", "pid %d was not audited: %s", (int)process->pid, reason);
	else
		xmlTextWriterWriteFormatAttribute(
			junit->writer, BAD_CAST "message", "its trace cannot be read: %s", reason);
	end(junit);
	end(junit);
	free(path);
	free(reason);
	free(name);
}

/* No process had a socket: then the run as a whole is what passed. */
static void render_command(struct junit *junit)
{
	const struct run_facts *facts = junit->report->facts;
	const char *program = facts && facts->argv && facts->argv[0] ? text_basename(facts->argv[0]) : "socksan";
	char *name = test_cases_escaped(program, strlen(program));

	begin(junit, "testcase");
	attribute(junit, "classname", name);
	attribute(junit, "name", name);
	time_attribute(junit, 0);
	end(junit);
	free(name);
}

struct totals {
	size_t cases;
	size_t failed;
	size_t skipped;
	uint64_t begin_wall_ns;
	uint64_t end_wall_ns;
};

static void count_cases(const struct junit *junit, struct totals *totals)
{
	uint32_t last_failed = UINT32_MAX;

	totals->skipped = junit->report->unaudited_count;
	totals->cases = totals->skipped;
	for (size_t i = 0; i < junit->cases.count; i++)
		totals->cases += junit->cases.cases[i]->is_needed;
	totals->cases += totals->cases == 0;
	for (size_t i = 0; i < junit->cases.entry_count; i++) {
		if (junit->cases.entries[i].test_case == last_failed ||
			!fails(junit, &junit->incidents[junit->cases.entries[i].incident]))
			continue;
		last_failed = junit->cases.entries[i].test_case;
		totals->failed++;
	}
}

static void measure_time(const struct junit *junit, struct totals *totals)
{
	for (size_t i = 0; i < junit->process_count; i++) {
		const struct process *process = &junit->processes[i];
		const struct lifecycle *lifecycle = junit->report->lifecycle;
		uint64_t started = lifecycle_wall_ns(lifecycle, process->trace, process->started_ns);
		uint64_t ended =
			process->ended_ns ? lifecycle_wall_ns(lifecycle, process->trace, process->ended_ns) : 0;

		if (!totals->begin_wall_ns || started < totals->begin_wall_ns)
			totals->begin_wall_ns = started;
		if (ended > totals->end_wall_ns)
			totals->end_wall_ns = ended;
	}
}

static void render_totals(struct junit *junit, const struct totals *totals)
{
	count_attribute(junit, "tests", totals->cases);
	count_attribute(junit, "failures", totals->failed);
	count_attribute(junit, "errors", 0);
	count_attribute(junit, "skipped", totals->skipped);
	time_attribute(
		junit, totals->end_wall_ns > totals->begin_wall_ns ? totals->end_wall_ns - totals->begin_wall_ns : 0);
}

static void render_timestamp(struct junit *junit, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char words[32] = "";
	struct tm utc;

	if (wall_ns && gmtime_r(&seconds, &utc))
		strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%S", &utc);
	if (*words)
		attribute(junit, "timestamp", words);
}

static void render_summary(struct junit *junit)
{
	char *audited = text_coverage_audited(junit->report);
	struct text_buffer buffer;
	struct text_page page = {.stream = text_open(&buffer)};
	char *text;

	fprintf(page.stream, "socksan: audited %s\n", audited);
	text_coverage_show(&page, junit->report);
	text_coverage_limits(&page);
	text = test_cases_clean(text_close(&buffer));
	element(junit, "system-out", text);
	free(text);
	free(audited);
}

static void render_cases(struct junit *junit)
{
	const struct report *report = junit->report;
	size_t at = 0;
	size_t rendered = 0;

	for (size_t i = 0; i < junit->cases.count; i++) {
		size_t first = at;

		while (at < junit->cases.entry_count && junit->cases.entries[at].test_case == i)
			at++;
		if (junit->cases.cases[i]->is_needed) {
			render_case(junit, junit->cases.cases[i], junit->cases.entries + first, at - first);
			rendered++;
		}
	}
	for (size_t i = 0; i < report->unaudited_count; i++, rendered++)
		render_unaudited(junit, &report->unaudited[i]);
	if (!rendered)
		render_command(junit);
}

static void render_document(struct junit *junit)
{
	struct totals totals = {0};

	test_cases_find(&junit->cases, junit->report);
	count_cases(junit, &totals);
	measure_time(junit, &totals);
	xmlTextWriterSetIndent(junit->writer, 1);
	xmlTextWriterStartDocument(junit->writer, "1.0", "UTF-8", NULL);
	begin(junit, "testsuites");
	attribute(junit, "name", "socksan");
	render_totals(junit, &totals);
	begin(junit, "testsuite");
	attribute(junit, "name", "socksan");
	render_totals(junit, &totals);
	render_timestamp(junit, totals.begin_wall_ns);
	render_cases(junit);
	render_summary(junit);
	end(junit);
	end(junit);
	xmlTextWriterEndDocument(junit->writer);
	test_cases_free(&junit->cases);
}

void render_junit(const struct report *report, FILE *stream, bool color)
{
	struct junit junit = {.report = report};
	size_t incident_count;
	xmlOutputBufferPtr buffer = xmlOutputBufferCreateFile(stream, NULL);

	(void)color;
	junit.writer = buffer ? xmlNewTextWriter(buffer) : NULL;
	if (!junit.writer)
		text_out_of_memory();
	junit.processes = lifecycle_processes(report->lifecycle, &junit.process_count);
	junit.incidents = lifecycle_incidents(report->lifecycle, &incident_count);
	render_document(&junit);
	xmlFreeTextWriter(junit.writer);
}
