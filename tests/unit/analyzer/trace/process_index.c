/* process_index.c: processes by their number. */
#include <criterion/criterion.h>

#include "analyzer/trace/process_index.h"

static const struct process processes[] = {
	{.pid = 9, .started_ns = 50},
	{.pid = 7, .started_ns = 30},
	{.pid = 7, .started_ns = 10},
	{.pid = 7, .started_ns = 30},
	{.pid = -1, .started_ns = 0},
};

static struct process_index *by_pid;

static void set_up(void)
{
	by_pid = process_index_make(processes, sizeof(processes) / sizeof(processes[0]));
}

static void tear_down(void)
{
	process_index_free(by_pid);
}

TestSuite(process_index, .init = set_up, .fini = tear_down);

Test(process_index, has)
{
	cr_expect(process_index_has(by_pid, 7) && process_index_has(by_pid, 9) && process_index_has(by_pid, -1));
	cr_expect_not(process_index_has(by_pid, 8));
	cr_expect_not(process_index_has(by_pid, 0));
	cr_expect_not(process_index_has(by_pid, 100));
}

Test(process_index, the_last_to_start_comes_first)
{
	struct process_search search = process_index_search(by_pid, 7, 30);

	cr_expect_eq(process_index_next(&search), &processes[1], "of two that started together the first");
	cr_expect_eq(process_index_next(&search), &processes[3]);
	cr_expect_eq(process_index_next(&search), &processes[2]);
	cr_expect_null(process_index_next(&search));
	cr_expect_null(process_index_next(&search));
}

Test(process_index, only_what_had_started)
{
	struct process_search search = process_index_search(by_pid, 7, 29);

	cr_expect_eq(process_index_next(&search), &processes[2]);
	cr_expect_null(process_index_next(&search));
	search = process_index_search(by_pid, 9, 49);
	cr_expect_null(process_index_next(&search), "another number is no answer");
}

Test(process_index, none_at_all)
{
	struct process_index *empty = process_index_make(NULL, 0);

	cr_expect_not(process_index_has(empty, 1));
	process_index_free(empty);
}
