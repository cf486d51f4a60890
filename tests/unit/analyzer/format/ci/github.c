/* github.c: annotations of GitHub Actions. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/format_fixture.h"

static struct format_fixture fixture;

static void set_up(void)
{
	format_set_up(&fixture);
}

static void tear_down(void)
{
	format_tear_down(&fixture);
}

TestSuite(render_github, .init = set_up, .fini = tear_down);

Test(render_github, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "github", "everything.github");
}

/* `count` incidents of `kind`, each in a function of its own. */
static void add_places(trace_ref process, enum trace_kind kind, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t frames[] = {0x1000 + i + 256 * kind};
		trace_ref stack = builder_stack(&fixture.builder, frames, 1, 0);
		trace_ref socket = builder_socket(&fixture.builder, process, (uint16_t)(50000 + i));
		trace_ref ref = builder_incident(&fixture.builder, process, socket, kind);

		((struct trace_incident *)builder_at(&fixture.builder, ref))->stack_write = stack;
	}
}

Test(render_github, shows_ten_of_a_kind_and_counts_the_rest)
{
	trace_ref process = builder_process(&fixture.builder);

	add_places(process, TRACE_WRITE_AFTER_CLOSE, 12);
	add_places(process, TRACE_WRITE_TO_SILENT_PEER, 11);
	format_report(&fixture, "github", NULL);
	cr_assert_eq(format_count(&fixture, "::error "), 10);
	cr_assert_eq(format_count(&fixture, "::warning "), 10);
	cr_assert_eq(format_count(&fixture, "::notice "), 1);
	format_expect(&fixture, "not annotated%3A 2 errors, 1 warning.");
}

Test(render_github, ten_need_no_line_that_counts)
{
	add_places(builder_process(&fixture.builder), TRACE_WRITE_AFTER_CLOSE, 10);
	format_report(&fixture, "github", NULL);
	cr_assert_eq(format_count(&fixture, "::error "), 10);
	format_expect_not(&fixture, "::notice");
}

Test(render_github, names_cannot_end_a_command)
{
	static const char label[] = "\n::error::forged";
	trace_ref process = builder_process(&fixture.builder);
	trace_ref socket = builder_socket(&fixture.builder, process, 50000);

	memcpy(((struct trace_process *)builder_at(&fixture.builder, process))->exe, label, sizeof(label));
	builder_module(&fixture.builder, "/opt/a\n::error::forged", 0x1000, 0x2000, NULL, 0);
	add_places(process, TRACE_WRITE_AFTER_CLOSE, 1);
	(void)socket;
	format_report(&fixture, "github", NULL);
	cr_assert_eq(format_count(&fixture, "\n"), 1, "%s", fixture.report);
	cr_assert_null(strstr(fixture.report + 1, "\n::"));
}

Test(render_github, says_what_was_not_audited)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_process(&fixture.builder);
	format_report(&fixture, "github", &facts);
	cr_assert_eq(format_count(&fixture, "::warning title=socksan%3A not everything was audited::"), 1);
	format_expect(&fixture, "/bin/ping");
}

Test(render_github, has_nothing_to_say_of_a_clean_run)
{
	builder_socket(&fixture.builder, builder_process(&fixture.builder), 50000);
	cr_assert_str_empty(format_report(&fixture, "github", NULL));
}
