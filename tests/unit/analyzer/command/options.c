/* options.c: the options that run and report share. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "analyzer/command/options.h"

static struct report_options options;

static void set_up(void)
{
	options_init(&options, stderr);
	cr_redirect_stderr();
}

static void tear_down(void)
{
	options_free(&options);
}

TestSuite(options, .init = set_up, .fini = tear_down);

Test(options, defaults)
{
	cr_assert(options_finish(&options));
	cr_assert_eq(options.output_count, 0);
	cr_assert_eq(options.fail_on, 1u << SEVERITY_ERROR);
	cr_assert_eq(options.error_exitcode, EXIT_INCIDENTS);
}

Test(options, output_belongs_to_the_format_before_it)
{
	cr_assert(options_parse(&options, OPTION_FORMAT, "text"));
	cr_assert(options_parse(&options, OPTION_FORMAT, "json"));
	cr_assert(options_parse(&options, OPTION_OUTPUT, "/tmp/report.json"));
	cr_assert(options_finish(&options));
	cr_assert_eq(options.output_count, 2);
	cr_assert_null(options.outputs[0].path);
	cr_assert_str_eq(options.outputs[1].format, "json");
	cr_assert_str_eq(options.outputs[1].path, "/tmp/report.json");
}

Test(options, output_alone_is_text)
{
	cr_assert(options_parse(&options, OPTION_OUTPUT, "/tmp/report.txt"));
	cr_assert(options_finish(&options));
	cr_assert_str_eq(options.outputs[0].format, "text");
}

Test(options, refuses_two_formats_in_one_place)
{
	cr_assert(options_parse(&options, OPTION_FORMAT, "text"));
	cr_assert(options_parse(&options, OPTION_FORMAT, "json"));
	cr_assert_not(options_finish(&options));
}

Test(options, refuses_a_second_output_for_one_format)
{
	cr_assert(options_parse(&options, OPTION_OUTPUT, "/tmp/a"));
	cr_assert_not(options_parse(&options, OPTION_OUTPUT, "/tmp/b"));
}

Test(options, refuses_places_that_cannot_be_written)
{
	cr_assert(options_parse(&options, OPTION_OUTPUT, "/nonexistent/report"));
	cr_assert_not(options_finish(&options));
	options.outputs[0].path = "/tmp";
	cr_assert_not(options_finish(&options));
}

Test(options, fail_on)
{
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "warning"));
	cr_assert_eq(options.fail_on, 1u << SEVERITY_ERROR | 1u << SEVERITY_WARNING, "a threshold");
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "warning,error"));
	cr_assert_eq(options.fail_on, 1u << SEVERITY_ERROR | 1u << SEVERITY_WARNING);
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "error"));
	cr_assert_eq(options.fail_on, 1u << SEVERITY_ERROR);
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "note"));
	cr_assert_eq(options.fail_on, 7);
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "none"));
	cr_assert_eq(options.fail_on, 0);
	cr_assert(options_parse(&options, OPTION_FAIL_ON, "all"));
	cr_assert_eq(options.fail_on, 7);
	cr_assert_not(options_parse(&options, OPTION_FAIL_ON, "errors"));
	cr_assert_not(options_parse(&options, OPTION_FAIL_ON, "error,"));
}

Test(options, numbers)
{
	cr_assert(options_parse(&options, OPTION_ERROR_EXITCODE, "0"));
	cr_assert_eq(options.error_exitcode, 0);
	cr_assert_not(options_parse(&options, OPTION_ERROR_EXITCODE, "256"));
	cr_assert_not(options_parse(&options, OPTION_ERROR_EXITCODE, "-1"));
	cr_assert_not(options_parse(&options, OPTION_ERROR_EXITCODE, ""));
	cr_assert(options_parse(&options, OPTION_MAX_INCIDENTS, "3"));
	cr_assert_eq(options.max_incidents, 3);
}

Test(options, words)
{
	cr_assert(options_parse(&options, OPTION_COLOR, "always"));
	cr_assert_eq(options.color, COLOR_ALWAYS);
	cr_assert_not(options_parse(&options, OPTION_COLOR, "sometimes"));
	cr_assert_not(options_parse(&options, OPTION_FORMAT, "pdf"));
}
