/* otlp.c: OpenTelemetry log records. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/format_fixture.h"
#include "tests/unit/json_check.h"

static struct format_fixture fixture;

static void set_up(void)
{
	format_set_up(&fixture);
}

static void tear_down(void)
{
	format_tear_down(&fixture);
}

TestSuite(render_otlp, .init = set_up, .fini = tear_down);

Test(render_otlp, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "otlp", "everything.otlp.jsonl");
}

#define RECORD "resourceLogs.0.scopeLogs.0.logRecords.0."

static yajl_val line(size_t number)
{
	char *text = strdup(fixture.report);
	char *found = strtok(text, "\n");
	yajl_val root;

	while (found && number--)
		found = strtok(NULL, "\n");
	cr_assert_not_null(found);
	root = json_parse(found);
	free(text);
	return root;
}

static void expect_attribute(yajl_val list, const char *key, const char *type, const char *expected)
{
	cr_assert(YAJL_IS_ARRAY(list));
	for (size_t i = 0; i < list->u.array.len; i++) {
		yajl_val attribute = list->u.array.values[i];

		if (strcmp(json_string(attribute, "key"), key))
			continue;
		json_expect_string(json_at(attribute, "value"), type, expected);
		return;
	}
	cr_assert_fail("there is no attribute %s", key);
}

Test(render_otlp, an_incident_is_a_log_record)
{
	trace_ref process = builder_process(&fixture.builder);
	yajl_val attributes;
	yajl_val root;

	builder_incident(&fixture.builder, process, builder_socket(&fixture.builder, process, 50000),
		TRACE_WRITE_AFTER_PEER_CLOSE);
	format_report(&fixture, "otlp", NULL);
	root = line(0);
	json_expect_number(root, RECORD "severityNumber", 17);
	json_expect_string(root, RECORD "severityText", "ERROR");
	json_expect_string(root, RECORD "eventName", "socksan.incident");
	cr_assert_eq(strncmp(json_string(root, RECORD "timeUnixNano"), "170000000", 9), 0);
	attributes = json_at(root, RECORD "attributes");
	expect_attribute(attributes, "socksan.kind", "stringValue", "write-after-peer-close");
	expect_attribute(attributes, "network.peer.address", "stringValue", "127.0.0.1");
	expect_attribute(attributes, "network.peer.port", "intValue", "50000");
	expect_attribute(attributes, "error.type", "stringValue", "EPIPE");
	expect_attribute(attributes, "socksan.bytes_offered", "intValue", "12");
	attributes = json_at(root, "resourceLogs.0.resource.attributes");
	expect_attribute(attributes, "service.name", "stringValue", "server");
	expect_attribute(attributes, "process.pid", "intValue", "4000000");
	yajl_tree_free(root);
}

Test(render_otlp, a_line_is_bounded)
{
	trace_ref process = builder_process(&fixture.builder);
	trace_ref socket = builder_socket(&fixture.builder, process, 50000);
	yajl_val root;

	for (int i = 0; i < 150; i++)
		builder_incident(&fixture.builder, process, socket, TRACE_WRITE_AFTER_CLOSE);
	format_report(&fixture, "otlp", NULL);
	cr_assert_eq(format_count(&fixture, "\n"), 3);
	root = line(1);
	cr_assert_eq(json_length(root, "resourceLogs.0.scopeLogs.0.logRecords"), 50);
	yajl_tree_free(root);
}

Test(render_otlp, says_of_a_clean_run_what_it_covered)
{
	yajl_val root;

	builder_socket(&fixture.builder, builder_process(&fixture.builder), 50000);
	format_report(&fixture, "otlp", NULL);
	cr_assert_eq(format_count(&fixture, "\n"), 1);
	root = line(0);
	json_expect_string(root, RECORD "eventName", "socksan.summary");
	json_expect_number(root, RECORD "severityNumber", 9);
	expect_attribute(json_at(root, RECORD "attributes"), "socksan.processes", "intValue", "1");
	yajl_tree_free(root);
}
