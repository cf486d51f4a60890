/* suppress.c: rules for what is not to be reported. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/command/options.h"
#include "analyzer/report/suppress.h"
#include "analyzer/report/suppress_incidents.h"
#include "tests/unit/trace_builder.h"

static struct builder builder;
static char *directory;
static struct suppressions suppressions;
static struct report_options options;
static char *report;

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
}

static void tear_down(void)
{
	free(report);
	options_free(&options);
	suppressions_free(&suppressions);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(suppress, .init = set_up, .fini = tear_down);

/* Writes a file of rules; the caller frees its path. */
static char *rules(const char *text)
{
	char *path = builder_path(directory, "rules");
	FILE *file = fopen(path, "we");

	fputs(text, file);
	fclose(file);
	return path;
}

static void expect_complaint(const char *part)
{
	char text[2048] = "";
	FILE *complaints = cr_get_redirected_stderr();
	size_t length;

	fflush(stderr);
	length = fread(text, 1, sizeof(text) - 1, complaints);
	text[length] = '\0';
	cr_assert_not_null(strstr(text, part), "expected \"%s\" in \"%s\"", part, text);
}

/* --- Patterns ----------------------------------------------------------------------------------------------------- */

Test(suppress, patterns)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool matches;
	} cases[] = {
		{"send", "send", true},
		{"send", "resend_all", true},
		{"send", "sen", false},
		{"^send", "send_all", true},
		{"^send", "resend", false},
		{"send$", "resend", true},
		{"send$", "send_all", false},
		{"^send$", "send", true},
		{"^send$", "sends", false},
		{"a*c", "xxabbbcyy", true},
		{"a*c", "c a", false},
		{"^a*c$", "abcabc", true},
		{"^a*c$", "abcabd", false},
		{"a*b*c", "a1b2b3c", true},
		{"*", "anything", true},
		{"*", "", true},
		{"^$", "", true},
		{"^$", "x", false},
		{"$", "x", true},
		{"^*.so$", "/usr/lib/x.so", true},
		{"a^b", "a^b", true},
		{"10.0.0.7:9200", "10.0.0.7:9200", true},
		{"aab", "aaaaab", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(suppress_match(cases[i].pattern, cases[i].text), cases[i].matches, "%s against %s",
			cases[i].pattern, cases[i].text);
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

Test(suppress, reads_rules_and_comments)
{
	char *path =
		rules("# a comment\n\n  write-after-close:reply  \r\n*: ^10.0.0.7\ndouble-close:Pool::release(int)\n");

	cr_assert(suppressions_read(&suppressions, path));
	cr_assert(suppressions_read(&suppressions, path)); /* the same file again adds nothing */
	cr_assert_eq(suppressions.count, 3);
	cr_assert_str_eq(suppressions.rules[0].kind, "write-after-close");
	cr_assert_str_eq(suppressions.rules[0].pattern, "reply");
	cr_assert_str_eq(suppressions.rules[0].text, "write-after-close:reply");
	cr_assert_eq(suppressions.rules[0].line, 3);
	cr_assert_null(suppressions.rules[1].kind);
	cr_assert_str_eq(suppressions.rules[1].pattern, "^10.0.0.7");
	cr_assert_str_eq(suppressions.rules[2].pattern, "Pool::release(int)");
	cr_assert(suppression_matches(&suppressions.rules[0], "write-after-close", "send_reply"));
	cr_assert_not(suppression_matches(&suppressions.rules[0], "double-close", "send_reply"));
	cr_assert(suppression_matches(&suppressions.rules[1], "double-close", "10.0.0.7:80"));
	cr_assert_not(suppression_matches(&suppressions.rules[1], "double-close", ""));
	free(path);
}

Test(suppress, bad_lines_are_told_with_their_place)
{
	char *path = rules("write-after-close:reply\nreply\n");

	cr_redirect_stderr();
	cr_assert_not(suppressions_read(&suppressions, path));
	expect_complaint("rules:2: expected KIND:PATTERN, found \"reply\"");
	free(path);
}

Test(suppress, unknown_kinds_and_missing_patterns_are_told)
{
	char *path = rules("leak:reply\nwrite-after-close: \n");

	cr_redirect_stderr();
	cr_assert_not(suppressions_read(&suppressions, path));
	expect_complaint("rules:1: unknown kind");
	free(path);
}

Test(suppress, a_file_that_is_not_there_is_told)
{
	cr_redirect_stderr();
	cr_assert_not(suppressions_read(&suppressions, "/nonexistent/rules"));
	expect_complaint("/nonexistent/rules: No such file");
}

Test(suppress, a_directory_is_no_file_of_rules)
{
	cr_redirect_stderr();
	cr_assert_not(suppressions_read(&suppressions, directory));
	expect_complaint("Is a directory");
}

/* --- Reports ------------------------------------------------------------------------------------------------------ */

/* An incident whose write stands in `function`, to the peer's `port`. */
static struct trace_incident *add_incident(const char *function, uint16_t port)
{
	trace_ref process = TRACE_HEADER_BYTES;
	char python[128];
	trace_ref text;
	trace_ref stack;
	struct trace_incident *incident;

	snprintf(python, sizeof(python), "  File \"/srv/%s.py\", line 3 in %s\n", function, function);
	text = builder_text(&builder, TRACE_TEXT_PYTHON_STACK, python, strlen(python));
	stack = builder_stack(&builder, NULL, 0, text);
	incident = builder_at(&builder, builder_incident(&builder, process, builder_socket(&builder, process, port),
						TRACE_WRITE_AFTER_PEER_CLOSE));
	incident->stack_write = stack;
	return incident;
}

/* Makes the report with the rules in `text`. Returns the exit status. */
static int make_report(const char *format, const char *text)
{
	char *path = rules(text);
	char *trace = builder_path(directory, "a.trace");
	size_t length;
	FILE *stream = open_memstream(&report, &length);
	int status;

	options_init(&options, stream);
	options.color = COLOR_NEVER;
	options.gen_suppressions = true;
	cr_assert(options_parse(&options, OPTION_FORMAT, format));
	cr_assert(options_parse(&options, OPTION_SUPPRESSIONS, path));
	builder_write(&builder, trace);
	status = report_traces(&options, NULL, &trace, 1);
	fclose(stream);
	free(trace);
	free(path);
	return status;
}

static void expect(const char *part)
{
	cr_assert_not_null(strstr(report, part), "expected \"%s\" in:\n%s", part, report);
}

static void expect_not(const char *part)
{
	cr_assert_null(strstr(report, part), "did not expect \"%s\" in:\n%s", part, report);
}

Test(suppress, suppressed_incidents_do_not_count)
{
	builder_process(&builder);
	add_incident("reply", 50000);
	add_incident("reply", 50001);
	cr_assert_eq(make_report("text", "*:^reply$\n"), 0);
	expect_not("ERROR 1");
	expect("socksan: suppressed 2 incidents by *:^reply$");
	expect("no new incidents (2 known or suppressed)");
	expect("ERROR SUMMARY: 0 errors, 0 warnings, 0 notes (2 suppressed)");
}

Test(suppress, what_is_left_is_reported_and_a_rule_for_it_proposed)
{
	builder_process(&builder);
	add_incident("reply", 50000);
	add_incident("beat", 50001);
	cr_assert_eq(make_report("text", "write-after-peer-close:/srv/reply.py\ndouble-close:reply\n"), EXIT_INCIDENTS);
	expect("ERROR 1 of 1: write-after-peer-close\n");
	expect("# beat (/srv/beat.py:3)\nwrite-after-peer-close:^beat$\n");
	expect("socksan: unused suppression double-close:reply");
	expect("1 error, 0 warnings, 0 notes from 1 place in 1 process (1 suppressed)\n");
}

Test(suppress, by_peer_and_by_label)
{
	trace_ref label;

	builder_process(&builder);
	label = builder_text(&builder, TRACE_TEXT_LABEL, "test_flaky", 10);
	add_incident("reply", 50000)->label = label;
	add_incident("reply", 50001);
	add_incident("reply", 50002);
	cr_assert_eq(make_report("text", "*:^test_flaky$\n*:127.0.0.1:50001$\n"), EXIT_INCIDENTS);
	expect("suppressed 1 incident by *:^test_flaky$");
	expect("suppressed 1 incident by *:127.0.0.1:50001$");
	expect("-> 127.0.0.1:50002");
	expect("1 error,");
}

Test(suppress, without_a_stack_of_the_write_where_it_was_opened_counts)
{
	struct trace_incident *incident;
	trace_ref stack;

	builder_process(&builder);
	stack = add_incident("opener", 50000)->stack_write;
	incident = add_incident("reply", 50001);
	incident->stack_write = 0;
	incident->stack_opened = stack;
	cr_assert_eq(make_report("text", "*:^opener$\n"), 0);
	expect("suppressed 2 incidents");
}

Test(suppress, json_says_by_which_rule)
{
	builder_process(&builder);
	add_incident("reply", 50000);
	add_incident("beat", 50001);
	cr_assert_eq(make_report("json", "*:^reply$\n"), EXIT_INCIDENTS);
	expect("\"error\":1,\"warning\":0,\"note\":0,\"suppressed\":1,");
	expect("\"suppressed_by\":\"*:^reply$\"");
	expect("\"suppressed_by\":null");
}

Test(suppress, proposals)
{
	struct frame frames[] = {
		{.function = "SSL_write", .file = "", .module = "/lib/libssl.so.3", .build_id = "", .system = true},
		{.function = "reply", .file = "server.c", .line = 12, .module = "/opt/server", .build_id = ""}};
	struct frame nameless = {.function = "", .file = "", .module = "/opt/server", .build_id = ""};
	struct stack stack = {.frames = frames, .count = 2};
	char *rule = suppress_propose("double-close", &stack);

	cr_expect_str_eq(rule, "double-close:^reply$");
	free(rule);
	stack = (struct stack){.frames = &nameless, .count = 1};
	rule = suppress_propose("double-close", &stack);
	cr_expect_str_eq(rule, "double-close:server$");
	free(rule);
	stack.count = 0;
	cr_expect_null(suppress_propose("double-close", &stack));
}
