/* findings.c: what an earlier report knows, and what is new since. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/command/command.h"
#include "analyzer/command/options.h"
#include "analyzer/report/findings.h"
#include "tests/unit/trace_builder.h"

static char *directory;
static struct findings *findings;

static void set_up(void)
{
	directory = builder_directory();
	findings = findings_new();
}

static void tear_down(void)
{
	findings_free(findings);
	builder_remove(directory);
}

TestSuite(findings, .init = set_up, .fini = tear_down);

static char *write_file(const char *name, const char *text)
{
	char *path = builder_path(directory, name);
	FILE *file = fopen(path, "we");

	fputs(text, file);
	fclose(file);
	return path;
}

/* A trace with one incident of each of the functions named, as errors or as notes. */
static char *write_trace(const char *name, const char *const *functions, bool notes)
{
	struct builder builder;
	char *path = builder_path(directory, name);
	trace_ref process;

	builder_init(&builder);
	process = builder_process(&builder);
	for (uint16_t i = 0; functions[i]; i++) {
		char python[128];
		trace_ref text;
		trace_ref stack;
		struct trace_incident *incident;

		snprintf(python, sizeof(python), "  File \"/srv/app.py\", line %d in %s\n", 10 + i, functions[i]);
		text = builder_text(&builder, TRACE_TEXT_PYTHON_STACK, python, strlen(python));
		stack = builder_stack(&builder, NULL, 0, text);
		incident =
			builder_at(&builder, builder_incident(&builder, process, builder_socket(&builder, process, i),
						     TRACE_WRITE_AFTER_PEER_CLOSE));
		incident->stack_write = stack;
		if (notes)
			incident->outcome = TRACE_DELIVERED;
	}
	builder_write(&builder, path);
	builder_free(&builder);
	return path;
}

/* The report of a trace, in that format. */
static char *write_report(const char *name, char *trace, const char *format)
{
	char *path = builder_path(directory, name);
	struct report_options options;

	options_init(&options, stdout);
	cr_assert(options_parse(&options, OPTION_FORMAT, format));
	cr_assert(options_parse(&options, OPTION_OUTPUT, path));
	report_traces(&options, NULL, &trace, 1);
	options_free(&options);
	return path;
}

static void read_and_free(char *path)
{
	cr_assert(findings_read(findings, path));
	free(path);
}

static struct finding *only_finding(void)
{
	size_t count;
	struct finding **list = findings_list(findings, &count);
	struct finding *finding = list[0];

	cr_assert_eq(count, 1);
	free(list);
	return finding;
}

static void expect_output(FILE *output, const char *part)
{
	char text[8192] = "";
	size_t length;

	fflush(stdout);
	fflush(stderr);
	length = fread(text, 1, sizeof(text) - 1, output);
	text[length] = '\0';
	cr_assert_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text);
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

Test(findings, of_a_report_by_hand)
{
	read_and_free(write_file("a.json",
		"{\"schema\":\"socksan-report/1\",\"summary\":{\"error\":1},\"sockets\":[{\"id\":\"s1\",\"cookie\":"
		"18446744073709551615}],\"incidents\":[{\"later\":{\"fingerprint\":\"ff\"},\"fingerprint\":\"0a\","
		"\"kind\":\"double-close\",\"severity\":\"error\",\"title\":\"closed again\",\"suppressed_by\":null,"
		"\"stacks\":{\"told\":[{\"function\":\"read\",\"file\":\"r.c\",\"line\":1}],\"write\":[{\"function\":"
		"\"close\",\"file\":\"\",\"line\":0},{\"function\":\"drop\",\"file\":\"a.c\",\"line\":7}]}},"
		"{\"fingerprint\":\"0b\",\"kind\":\"x\",\"severity\":\"error\",\"title\":\"t\",\"suppressed_by\":\"*:"
		"t\"}]}"));
	cr_assert_eq(only_finding()->fingerprint, 10);
	cr_assert_eq(only_finding()->severity, SEVERITY_ERROR);
	cr_assert_str_eq(only_finding()->kind, "double-close");
	cr_assert_str_eq(only_finding()->place, "drop (a.c:7)");
}

Test(findings, are_the_same_from_json_from_lines_and_from_the_trace)
{
	static const char *const functions[] = {"reply", NULL};
	static const char *const formats[] = {"json", "jsonl"};
	char *trace = write_trace("a.trace", functions, false);
	uint64_t fingerprint;

	cr_assert(findings_read(findings, trace));
	fingerprint = only_finding()->fingerprint;
	for (size_t i = 0; i < 2; i++) {
		read_and_free(write_report("report", trace, formats[i]));
		cr_assert_eq(only_finding()->fingerprint, fingerprint);
		cr_assert_eq(only_finding()->count, 2 + i);
	}
	cr_assert_str_eq(only_finding()->place, "reply (/srv/app.py:10)");
	free(trace);
}

Test(findings, what_only_the_baseline_suppresses_is_still_there)
{
	read_and_free(write_file("a.json", "{\"incidents\":[{\"fingerprint\":\"1\",\"suppressed_by\":\"baseline\"},"
					   "{\"fingerprint\":\"2\",\"suppressed_by\":\"*:x\"}]}"));
	cr_assert_eq(only_finding()->fingerprint, 1);
}

Test(findings, a_note_covers_notes_alone)
{
	findings_add(findings, &(struct finding){.fingerprint = 1, .severity = SEVERITY_NOTE, .count = 1});
	findings_add(findings, &(struct finding){.fingerprint = 2, .severity = SEVERITY_WARNING, .count = 1});
	cr_assert(findings_cover(findings, 1, SEVERITY_NOTE));
	cr_assert_not(findings_cover(findings, 1, SEVERITY_ERROR));
	cr_assert(findings_cover(findings, 2, SEVERITY_NOTE));
	cr_assert(findings_cover(findings, 2, SEVERITY_ERROR));
	cr_assert_not(findings_cover(findings, 3, SEVERITY_NOTE));
}

static void expect_refused(const char *text, const char *complaint)
{
	char *path = write_file("bad.json", text);

	cr_redirect_stderr();
	cr_assert_not(findings_read(findings, path));
	expect_output(cr_get_redirected_stderr(), complaint);
	free(path);
}

Test(findings, a_report_that_was_cut_is_refused)
{
	expect_refused("{\"schema\":\"socksan-report/1\",\"incidents\":[{\"fing", "expected JSON");
}

Test(findings, another_schema_is_refused)
{
	expect_refused("{\"schema\":\"socksan-report/2\"}", "expected a report of schema socksan-report/1");
}

Test(findings, what_is_no_report_is_refused)
{
	expect_refused("hello\n", "neither a socksan report nor a trace");
}

/* --- Comparing ---------------------------------------------------------------------------------------------------- */

static int diff(char *base, char *now, const char *format)
{
	char name[] = "diff";
	char option[32];
	char *arguments[] = {name, option, base, now, NULL};

	snprintf(option, sizeof(option), "--format=%s", format);
	return command_diff(4, arguments);
}

static const char *const old_functions[] = {"reply", "beat", NULL};
static const char *const new_functions[] = {"reply", "greet", NULL};

Test(findings, diff_tells_new_gone_and_same)
{
	char *base = write_trace("base.trace", old_functions, false);
	char *now = write_trace("now.trace", new_functions, false);

	cr_redirect_stdout();
	cr_assert_eq(diff(base, now, "text"), EXIT_INCIDENTS);
	expect_output(cr_get_redirected_stdout(), "in           greet (/srv/app.py:11)\nERROR gone: ");
	free(base);
	free(now);
}

Test(findings, diff_counts)
{
	char *base = write_trace("base.trace", old_functions, false);
	char *now = write_trace("now.trace", new_functions, false);

	cr_redirect_stdout();
	diff(base, now, "text");
	expect_output(cr_get_redirected_stdout(), "socksan: DIFF SUMMARY: 1 new, 1 gone, 1 still there\n");
	free(base);
	free(now);
}

Test(findings, diff_as_json)
{
	char *base = write_trace("base.trace", old_functions, false);
	char *now = write_trace("now.trace", new_functions, false);

	cr_redirect_stdout();
	cr_assert_eq(diff(base, now, "json"), EXIT_INCIDENTS);
	expect_output(cr_get_redirected_stdout(), "\"place\":\"greet (/srv/app.py:11)\",\"count\":1}],\"gone\":[\n");
	free(base);
	free(now);
}

Test(findings, diff_of_the_same_is_no_failure)
{
	char *base = write_trace("base.trace", old_functions, false);

	cr_redirect_stdout();
	cr_assert_eq(diff(base, base, "text"), 0);
	free(base);
}

Test(findings, diff_of_new_notes_is_no_failure)
{
	static const char *const nothing[] = {NULL};
	char *base = write_trace("base.trace", nothing, false);
	char *now = write_trace("now.trace", new_functions, true);

	cr_redirect_stdout();
	cr_assert_eq(diff(base, now, "text"), 0);
	free(base);
	free(now);
}

Test(findings, a_baseline_leaves_what_is_new)
{
	char *base = write_report("base.json", write_trace("base.trace", old_functions, false), "json");
	char *now = write_trace("now.trace", new_functions, false);
	struct report_options options;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	options_init(&options, stream);
	options.color = COLOR_NEVER;
	cr_assert(options_parse(&options, OPTION_BASELINE, base));
	cr_assert(options_finish(&options));
	cr_assert_eq(report_traces(&options, NULL, &now, 1), EXIT_INCIDENTS);
	fclose(stream);
	cr_assert_not_null(strstr(text, "ERROR 1 of 1: write-after-peer-close\n"), "%s", text);
	cr_assert_not_null(strstr(text, "greet (/srv/app.py:11)"), "%s", text);
	cr_assert_null(strstr(text, "reply"), "%s", text);
	cr_assert_not_null(strstr(text, "1 incident known; 1 place"), "%s", text);
	cr_assert_not_null(strstr(text, "(1 suppressed)\n"), "%s", text);
	options_free(&options);
	free(text);
	free(base);
	free(now);
}
