/*
 * format_fixture.c: see format_fixture.h.
 */
#include "tests/unit/format_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/format/html/html_assets.h"
#include "tests/unit/golden.h"

void format_set_up(struct format_fixture *fixture)
{
	/* Where a CI service says the checkout is would change how paths are told. */
	unsetenv("GITHUB_WORKSPACE");
	unsetenv("CI_PROJECT_DIR");
	fixture->directory = builder_directory();
	builder_init(&fixture->builder);
}

void format_tear_down(struct format_fixture *fixture)
{
	free(fixture->report);
	builder_free(&fixture->builder);
	builder_remove(fixture->directory);
}

/* Takes `text`, and returns it with every `old` replaced. */
static char *replace(char *text, const char *old, const char *new)
{
	char *out = NULL;
	size_t bytes;
	FILE *stream = open_memstream(&out, &bytes);
	const char *at = text;

	for (const char *found; *old && (found = strstr(at, old)); at = found + strlen(old))
		fprintf(stream, "%.*s%s", (int)(found - at), at, new);
	fputs(at, stream);
	fclose(stream);
	free(text);
	return out;
}

const char *format_report(struct format_fixture *fixture, const char *format, const struct run_facts *facts)
{
	char *path = builder_path(fixture->directory, "a.trace");
	char *here = getcwd(NULL, 0);

	if (fixture->builder.length > TRACE_HEADER_BYTES)
		builder_write(&fixture->builder, path);
	free(fixture->report);
	fixture->report = fixture_report(format, fixture->directory, facts, &fixture->status);
	fixture->report = replace(fixture->report, html_style, "STYLE");
	fixture->report = replace(fixture->report, html_script, "SCRIPT");
	fixture->report = replace(fixture->report, html_style_hash, "STYLE-HASH");
	fixture->report = replace(fixture->report, html_script_hash, "SCRIPT-HASH");
	fixture->report = replace(fixture->report, here, "/HERE");
	fixture->report = replace(fixture->report, SOCKSAN_VERSION, "VERSION");
	free(here);
	free(path);
	return fixture->report;
}

void format_expect_golden(struct format_fixture *fixture, const char *format, const char *name)
{
	fixture_everything(&fixture->builder);
	format_report(fixture, format, NULL);
	golden_expect(name, fixture->report);
}

void format_expect(const struct format_fixture *fixture, const char *part)
{
	cr_assert(strstr(fixture->report, part), "expected \"%s\" in:\n%s", part, fixture->report);
}

void format_expect_not(const struct format_fixture *fixture, const char *part)
{
	cr_assert(!strstr(fixture->report, part), "did not expect \"%s\" in:\n%s", part, fixture->report);
}

size_t format_count(const struct format_fixture *fixture, const char *part)
{
	size_t count = 0;

	for (const char *at = fixture->report; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}
