/* sarif.c: SARIF 2.1.0. The schema itself is checked end to end. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/wording/kinds.h"
#include "tests/unit/format_fixture.h"
#include "tests/unit/golden.h"
#include "tests/unit/json_check.h"

static struct format_fixture fixture;
static yajl_val root;

static void set_up(void)
{
	format_set_up(&fixture);
}

static void tear_down(void)
{
	yajl_tree_free(root);
	format_tear_down(&fixture);
}

TestSuite(render_sarif, .init = set_up, .fini = tear_down);

static void make_report(const struct run_facts *facts)
{
	root = json_parse(format_report(&fixture, "sarif", facts));
}

/* The rules, which are the texts of the kinds, have a test of their own. */
static void cut_rules(char *report)
{
	char *rules = strstr(report, "\"rules\":[");
	char *end = rules ? strstr(rules, "\n]") : NULL;

	cr_assert_not_null(end);
	rules += strlen("\"rules\":[");
	memmove(rules, end, strlen(end) + 1);
}

Test(render_sarif, is_as_it_was_found_good)
{
	fixture_everything(&fixture.builder);
	format_report(&fixture, "sarif", NULL);
	cut_rules(fixture.report);
	golden_expect("everything.sarif", fixture.report);
}

/* A write, told by a read and after an opening, each at a line of a file in the checkout. */
static struct trace_incident *add_told_write(trace_ref process)
{
	static const uint64_t frames[] = {0x100010};
	trace_ref stacks[3];
	trace_ref socket;
	struct trace_incident *incident;

	builder_module(&fixture.builder, "/nonexistent/python3.11", 0x100000, 0x101000, NULL, 0);
	for (int i = 0; i < 3; i++) {
		char *python = NULL;
		trace_ref text;

		cr_assert(asprintf(&python, "  File \"src/app one.py\", line %d in step_%d\n", i + 10, i) > 0);
		text = builder_text(&fixture.builder, TRACE_TEXT_PYTHON_STACK, python, strlen(python));
		stacks[i] = builder_stack(&fixture.builder, frames, 1, text);
		free(python);
	}
	socket = builder_socket(&fixture.builder, process, 50000);
	incident = builder_at(
		&fixture.builder, builder_incident(&fixture.builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE));
	incident->stack_opened = stacks[0];
	incident->stack_told = stacks[1];
	incident->stack_write = stacks[2];
	return incident;
}

#define RESULT "runs.0.results.0."

#define RULES "runs.0.tool.driver.rules"

/* The text of a member of a rule. */
static const char *rule_text(size_t number, const char *member)
{
	char path[128];

	snprintf(path, sizeof(path), RULES ".%zu.%s", number, member);
	return json_string(root, path);
}

static void expect_rule(size_t number, const struct kind *kind)
{
	static const char *const helps[] = {"help.text", "help.markdown"};

	cr_expect_str_eq(rule_text(number, "id"), kind->id);
	cr_expect_str_eq(rule_text(number, "fullDescription.text"), kind->text->meaning);
	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
		const char *help = rule_text(number, helps[i]);

		cr_expect(strstr(help, kind->text->meaning) && strstr(help, kind->text->causes) &&
				  strstr(help, kind->text->fix),
			"%s: %s", kind->id, help);
	}
}

Test(render_sarif, has_a_rule_for_each_kind)
{
	size_t count;
	const struct kind *kinds = kinds_all(&count);

	builder_process(&fixture.builder);
	make_report(NULL);
	cr_assert_eq(json_length(root, RULES), count);
	json_expect_string(root, RULES ".0.name", "WriteAfterPeerClose");
	json_expect_string(root, RULES ".0.shortDescription.text",
		"Write after peer close: the peer's FIN (TCP), or the peer's close or shutdown (AF_UNIX).");
	json_expect_string(root, RULES ".0.defaultConfiguration.level", "error");
	json_expect_string(root, RULES ".0.properties.precision", "very-high");
	for (size_t i = 0; i < count; i++)
		expect_rule(i, &kinds[i]);
	cr_assert_eq(json_length(root, "runs.0.results"), 0);
}

Test(render_sarif, locates_a_result_in_the_checkout)
{
	add_told_write(builder_process(&fixture.builder));
	make_report(NULL);
	json_expect_string(root, RESULT "ruleId", "write-after-peer-close");
	json_expect_number(root, RESULT "ruleIndex", 0);
	json_expect_string(root, RESULT "level", "error");
	json_expect_string(root, RESULT "locations.0.physicalLocation.artifactLocation.uri", "src/app%20one.py");
	json_expect_string(root, RESULT "locations.0.physicalLocation.artifactLocation.uriBaseId", "%SRCROOT%");
	json_expect_number(root, RESULT "locations.0.physicalLocation.region.startLine", 12);
	json_expect_string(root, "runs.0.originalUriBaseIds.%SRCROOT%.uri", "file:///HERE/");
	cr_assert_eq(strlen(json_string(root, RESULT "partialFingerprints.primaryLocationLineHash")), 18);
}

Test(render_sarif, a_result_without_a_stack_lies_in_the_program)
{
	trace_ref process = builder_process(&fixture.builder);

	builder_incident(&fixture.builder, process, builder_socket(&fixture.builder, process, 50000),
		TRACE_WRITE_AFTER_PEER_CLOSE);
	make_report(NULL);
	json_expect_string(root, RESULT "locations.0.physicalLocation.artifactLocation.uri", "file:///usr/bin/server");
}

Test(render_sarif, flows_from_opening_to_telling_to_write)
{
	static const char *const lines[] = {"10", "11", "12"};

	add_told_write(builder_process(&fixture.builder));
	make_report(NULL);
	cr_assert_eq(json_length(root, RESULT "codeFlows.0.threadFlows.0.locations"), 3);
	for (int i = 0; i < 3; i++) {
		char path[128];

		snprintf(path, sizeof(path),
			RESULT "codeFlows.0.threadFlows.0.locations.%d.location.physicalLocation.region.startLine", i);
		json_expect_number(root, path, atoi(lines[i]));
	}
	json_expect_string(root, RESULT "codeFlows.0.threadFlows.0.locations.2.importance", "essential");
	cr_assert_eq(json_length(root, RESULT "relatedLocations"), 2);
}

Test(render_sarif, says_nothing_of_suppressions_where_there_are_none)
{
	add_told_write(builder_process(&fixture.builder));
	make_report(NULL);
	cr_assert_not(json_has(root, RESULT "suppressions"));
}

Test(render_sarif, tells_how_the_command_ended)
{
	char *argv[] = {(char *)"server", (char *)"--port", NULL};
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {
		.argv = argv, .pid = 5, .wait_status = 3 << 8, .signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_process(&fixture.builder);
	make_report(&facts);
	json_expect_number(root, "runs.0.invocations.0.exitCode", 3);
	json_expect_string(root, "runs.0.invocations.0.arguments.0", "--port");
	json_expect_string(root, "runs.0.invocations.0.startTimeUtc", "2023-11-14T22:13:20.000Z");
	json_expect_string(root, "runs.0.invocations.0.toolExecutionNotifications.0.level", "warning");
}
