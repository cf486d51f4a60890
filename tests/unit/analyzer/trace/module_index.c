/* module_index.c: the index finds what looking at each module would find. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "analyzer/trace/module_index.h"

/* As module_index.h says it. */
static const struct module *look_at_each(const struct module *modules, size_t count, trace_ref stack, uint64_t address)
{
	const struct module *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (address < modules[i].start || address >= modules[i].end)
			continue;
		if (modules[i].ref < stack || !found)
			found = &modules[i];
	}
	return found;
}

static void expect_same(const struct module *modules, size_t count, uint64_t addresses)
{
	struct module_index *index = module_index_make(modules, count);

	for (uint64_t address = 0; address < addresses; address++)
		for (trace_ref stack = 0; stack <= 8 * count + 8; stack += 4)
			cr_assert_eq(module_index_find(index, stack, address),
				look_at_each(modules, count, stack, address), "%zu modules, address %lu, stack %u",
				count, (unsigned long)address, stack);
	module_index_free(index);
}

Test(module_index, none)
{
	struct module_index *index = module_index_make(NULL, 0);

	cr_expect_null(module_index_find(index, 8, 0));
	cr_expect_null(module_index_find(index, 8, UINT64_MAX));
	module_index_free(index);
}

Test(module_index, one_and_its_ends)
{
	static const struct module module = {.ref = 8, .start = 3, .end = 7};

	expect_same(&module, 1, 10);
}

Test(module_index, the_whole_of_memory)
{
	static const struct module modules[] = {{.ref = 8, .start = 0, .end = UINT64_MAX},
		{.ref = 16, .start = 5, .end = 5}, {.ref = 24, .start = 9, .end = 2}};
	struct module_index *index = module_index_make(modules, 3);

	cr_expect_eq(module_index_find(index, 100, 0), &modules[0]);
	cr_expect_eq(module_index_find(index, 100, UINT64_MAX - 1), &modules[0]);
	cr_expect_null(module_index_find(index, 100, UINT64_MAX));
	cr_expect_eq(module_index_find(index, 100, 5), &modules[0], "an empty one holds nothing");
	module_index_free(index);
}

Test(module_index, many_that_overlap)
{
	uint64_t state = 1;

	for (unsigned round = 0; round < 60; round++) {
		struct module modules[40] = {0};
		size_t count = round % 40 + 1;

		for (size_t i = 0; i < count; i++) {
			state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			modules[i].ref = (trace_ref)(8 * i + 8);
			modules[i].start = (state >> 33) % 60;
			modules[i].end = modules[i].start + (state >> 43) % 20;
		}
		expect_same(modules, count, 90);
	}
}
