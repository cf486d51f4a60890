/* limits.c: allowances, what is spent of them, and that it is said. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/limits.h"

TestSuite(limits, .init = limits_reset);

static void expect_words(enum limit limit, const char *part)
{
	char *words = limits_words(limit);

	cr_assert_eq(words != NULL, part != NULL);
	cr_assert(!part || strstr(words, part), "%s", words);
	free(words);
}

Test(limits, what_is_spent_is_gone_and_no_more_is_taken)
{
	limits_set(LIMIT_SOURCES, 10);
	cr_assert(limits_spend(LIMIT_SOURCES, 7));
	expect_words(LIMIT_SOURCES, NULL);
	cr_assert_not(limits_spend(LIMIT_SOURCES, 4));
	cr_assert(limits_spend(LIMIT_SOURCES, 3));
	cr_assert_eq(limits_left(LIMIT_SOURCES), 0);
	expect_words(LIMIT_SOURCES, "source: read");
}

Test(limits, a_charge_takes_what_there_is)
{
	limits_set(LIMIT_SYMBOLS, 3000000000);
	limits_charge(LIMIT_SYMBOLS, 1000000000);
	expect_words(LIMIT_SYMBOLS, NULL);
	limits_charge(LIMIT_SYMBOLS, UINT64_MAX);
	cr_assert_eq(limits_left(LIMIT_SYMBOLS), 0);
	expect_words(LIMIT_SYMBOLS, "3.0 s");
}

Test(limits, allowances_grow_with_what_is_read)
{
	uint64_t before = limits_left(LIMIT_STACKS);

	limits_traces(UINT64_C(4) << 20);
	cr_assert_gt(limits_left(LIMIT_STACKS), before);
	before = limits_left(LIMIT_SYMBOLS);
	limits_images(UINT64_C(1) << 30);
	cr_assert_gt(limits_left(LIMIT_SYMBOLS), before);
	limits_traces(UINT64_MAX);
	cr_assert_gt(limits_left(LIMIT_STACKS), before);
}

Test(limits, each_output_has_its_own_stacks)
{
	limits_charge(LIMIT_STACKS, UINT64_MAX);
	cr_assert_eq(limits_left(LIMIT_STACKS), 0);
	limits_refill();
	cr_assert_gt(limits_left(LIMIT_STACKS), 0);
}
