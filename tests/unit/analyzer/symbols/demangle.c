/* demangle.c: names of C++ become readable, and those that explode stay as they are. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/limits.h"
#include "analyzer/symbols/demangle.h"

static void set_up(void)
{
	char *name = demangle("_Z1fv");

	limits_reset();
	if (!strcmp(name, "_Z1fv"))
		cr_skip_test("the C++ library is not installed");
	free(name);
}

TestSuite(demangle, .init = set_up, .fini = demangle_end, .timeout = 600);

static void expect(const char *name, const char *readable)
{
	char *got = demangle(name);

	cr_assert_str_eq(got, readable);
	free(got);
}

Test(demangle, names_become_readable)
{
	expect("_ZN2ns5thing3addEi", "ns::thing::add(int)");
	expect("main", "main");
	expect("_Z", "_Z");
	expect("_Zqq", "_Zqq");
}

/* f(a, pair<a, a>, pair<pair<a, a>, pair<a, a>>, ...): each type has twice the length of the one before. */
static void explode(char *name, unsigned doublings)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *end = stpcpy(name, "_Z1f1a4pairIS_S_E");

	/* S_ is a, S0_ the template pair, S1_ the first type made of them, S2_ the next. */
	for (unsigned i = 0; i < doublings; i++) {
		char last[3] = {'S', digits[i + 1], 0};

		end += sprintf(end, "S0_I%s_%s_E", last, last);
	}
}

Test(demangle, a_name_that_explodes_stays_as_it_is)
{
	char name[1024];

	char *readable;

	explode(name, 3);
	readable = demangle(name);
	cr_assert_null(strstr(readable, "_Z"));
	free(readable);
	explode(name, 32);
	expect(name, name);
	/* The next one is none the worse for it. */
	expect("_Z1fv", "f()");
}

Test(demangle, after_a_few_of_those_names_stay_mangled)
{
	char name[1024];
	char *words;

	explode(name, 32);
	for (unsigned i = 0; i < 3; i++)
		expect(name, name);
	expect("_Z1fv", "_Z1fv");
	words = limits_words(LIMIT_DEMANGLING);
	cr_assert_not_null(words);
	free(words);
}

Test(demangle, names_of_any_length_are_survived)
{
	size_t length = 100000;
	char *name = malloc(length + 1);

	memset(name, 'P', length);
	memcpy(name, "_Z1f", 4);
	name[length] = '\0';
	for (; length > 10; length /= 2) {
		name[length] = '\0';
		free(demangle(name));
	}
	free(name);
}
