/* jsonl.c: JSON Lines. The objects are those of render.c. */
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

TestSuite(render_jsonl, .init = set_up, .fini = tear_down);

Test(render_jsonl, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "jsonl", "everything.jsonl");
}

/* Parses each line, and counts those of `type`. */
static size_t count_lines(const char *type)
{
	char *text = strdup(fixture.report);
	size_t count = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		yajl_val value = json_parse(line);

		count += !strcmp(json_string(value, "type"), type);
		yajl_tree_free(value);
	}
	free(text);
	return count;
}

Test(render_jsonl, each_line_is_an_object_of_a_type)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};
	trace_ref process = builder_process(&fixture.builder);
	trace_ref socket = builder_socket(&fixture.builder, process, 50000);

	builder_socket(&fixture.builder, process, 50001);
	builder_incident(&fixture.builder, process, socket, TRACE_WRITE_AFTER_CLOSE);
	format_report(&fixture, "jsonl", &facts);
	cr_assert_eq(count_lines("process"), 1);
	cr_assert_eq(count_lines("unaudited"), 1);
	cr_assert_eq(count_lines("socket"), 2);
	cr_assert_eq(count_lines("incident"), 1);
	cr_assert_eq(count_lines("summary"), 1);
	cr_assert_eq(format_count(&fixture, "\n"), 6);
}

Test(render_jsonl, has_times_of_the_wall_clock)
{
	builder_process(&fixture.builder);
	format_report(&fixture, "jsonl", NULL);
	format_expect(&fixture, "\"time\":\"2023-11-14T22:13:20.000000000Z\",\"wall_ns\":1700000000000000000");
}

Test(render_jsonl, ends_with_the_summary)
{
	const char *last;

	builder_process(&fixture.builder);
	format_report(&fixture, "jsonl", NULL);
	last = strstr(fixture.report, "\n{\"type\":\"summary\",\"schema\":\"socksan-report/1\"");
	cr_assert_not_null(last);
	cr_assert_eq(strchr(last + 1, '\n'), fixture.report + strlen(fixture.report) - 1);
}
