/* shim_options.c: the text in SOCKSAN_OPTIONS, taken apart and put together. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/run/shim_options.h"

static struct shim_options options;

static void set_up(void)
{
	cr_redirect_stderr();
}

static void tear_down(void)
{
	shim_options_free(&options);
}

TestSuite(shim_options, .init = set_up, .fini = tear_down);

static void expect_text(const char *expected)
{
	char *text = shim_options_text(&options);

	cr_expect_str_eq(text, expected);
	free(text);
}

Test(shim_options, last_value_counts)
{
	cr_expect(shim_options_add(&options, "quarantine=5:verbosity=1:quarantine=6:"));
	expect_text("quarantine=6:verbosity=1");
}

Test(shim_options, quotes_protect_colons)
{
	cr_expect(shim_options_add(&options, "suppressions='/a:b':max_trace=16M"));
	expect_text("suppressions=\"/a:b\":max_trace=16M");
	shim_options_set(&options, "suppressions", "/a\":b");
	expect_text("suppressions='/a\":b':max_trace=16M");
	shim_options_set(&options, "suppressions", "'odd");
	expect_text("suppressions=\"'odd\":max_trace=16M");
}

Test(shim_options, refuses_what_the_shim_would_not_understand)
{
	static const char *const wrong[] = {"qarantine=5", "quarantine", "quarantine=", "quarantine=5x",
		"quarantine=-1", "max_trace=5T", "max_trace=5G", "preview=65", "stack_depth=0", "help=2",
		"log_path=/tmp/", "roster=/tmp/x", "=5", "suppressions=", "verbosity=1:nonsense=2"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_expect_not(shim_options_add(&options, wrong[i]), "%s", wrong[i]);
}

Test(shim_options, inherits_what_is_understood)
{
	shim_options_inherit(&options, "nonsense=1:stack_depth=12:log_path=/x/:roster=/y:python=maybe::preview=3");
	expect_text("stack_depth=12:preview=3");
}

Test(shim_options, nothing_is_nothing)
{
	cr_expect(shim_options_add(&options, ""));
	shim_options_inherit(&options, "");
	expect_text("");
}
