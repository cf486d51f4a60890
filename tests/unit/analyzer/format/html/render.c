/* render.c: the report for a browser. tests/e2e/html.sh looks at it in one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/format/html/html.h"
#include "analyzer/format/html/html_assets.h"
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

TestSuite(render_html, .init = set_up, .fini = tear_down);

Test(render_html, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "html", "everything.html");
}

Test(render_html, nothing_from_outside_is_markup)
{
	static const char evil[] = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;";
	trace_ref process = builder_process(&fixture.builder);
	trace_ref label = builder_text(&fixture.builder, TRACE_TEXT_LABEL, evil, sizeof(evil) - 1);
	trace_ref path = builder_text(&fixture.builder, TRACE_TEXT_PATH, evil, sizeof(evil) - 1);
	trace_ref note = builder_text(&fixture.builder, TRACE_TEXT_NOTE, evil, sizeof(evil) - 1);
	struct trace_process *record = builder_at(&fixture.builder, process);
	struct trace_incident *incident;
	struct trace_socket *socket;
	trace_ref ref;

	builder_name(record, evil);
	memcpy(record->argv, evil, sizeof(evil));
	record->argv_length = sizeof(evil);
	ref = builder_socket(&fixture.builder, process, 50000);
	socket = builder_at(&fixture.builder, ref);
	socket->protocol = TRACE_UNIX_STREAM;
	socket->local = (struct trace_address){.family = 1, .path = path};
	incident = builder_at(
		&fixture.builder, builder_incident(&fixture.builder, process, ref, TRACE_WRITE_AFTER_PEER_CLOSE));
	incident->label = label;
	incident->text = note;
	memcpy(incident->thread_name, "<b>'\"&", 7);
	memcpy(incident->call, "<i>'\"&", 7);
	memcpy(incident->history[0].call, "<u>'\"&", 7);
	format_report(&fixture, "html", NULL);
	format_expect_not(&fixture, "<script>alert");
	format_expect_not(&fixture, "<img");
	format_expect_not(&fixture, "<b>&");
	format_expect_not(&fixture, "<i>");
	format_expect_not(&fixture, "<u>");
	format_expect_not(&fixture, "\"'>");
	format_expect(&fixture, "&lt;script&gt;alert(1)");
	cr_assert_eq(format_count(&fixture, "<script>"), 1);
}

Test(render_html, allows_its_own_style_and_script_alone)
{
	builder_process(&fixture.builder);
	format_report(&fixture, "html", NULL);
	format_expect(&fixture,
		"content=\"default-src 'none'; style-src 'STYLE-HASH'; script-src 'SCRIPT-HASH'; base-uri 'none'; "
		"form-action 'none'\"");
	format_expect_not(&fixture, " style=");
	format_expect_not(&fixture, " onclick=");
	format_expect_not(&fixture, "http://");
	format_expect_not(&fixture, "https://");
	cr_assert_eq(strlen(html_style_hash), strlen("sha256-") + 44);
	cr_assert_null(strstr(html_style, "</"));
	cr_assert_null(strstr(html_script, "</"));
}

Test(render_html, says_what_a_clean_run_was)
{
	char *argv[] = {(char *)"/usr/bin/server", (char *)"--fast", NULL};
	struct run_facts facts = {.argv = argv, .pid = BUILDER_PID, .signed_in = 1};

	builder_socket(&fixture.builder, builder_process(&fixture.builder), 50000);
	format_report(&fixture, "html", &facts);
	format_expect(&fixture, "<h1>No incidents</h1>");
	format_expect(&fixture, "<code>/usr/bin/server --fast</code> ended with status 0");
	format_expect_not(&fixture, "id=\"filters\"");
}

Test(render_html, does_not_call_a_run_clean_that_was_not_audited)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_process(&fixture.builder);
	format_report(&fixture, "html", &facts);
	format_expect(&fixture, "not everything was audited");
	format_expect(&fixture, "/bin/ping");
}

static void expect_code(const char *bytes, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	html_code(stream, bytes, strlen(bytes));
	fclose(stream);
	cr_assert_str_eq(text, expected);
	free(text);
}

Test(render_html, shows_source_as_it_is_and_marks_what_is_odd)
{
	expect_code("\tif (a < b && c) puts(\"\\n\");", "\tif (a &lt; b &amp;&amp; c) puts(&quot;\\n&quot;);");
	expect_code("a\xe2\x80\xae!", "a<span class=\"odd\">\\u{202e}</span>!");
	expect_code("\xff", "<span class=\"odd\">\\xff</span>");
	expect_code("\xc3\xa4", "\xc3\xa4");
}
