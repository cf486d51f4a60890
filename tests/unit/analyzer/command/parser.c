/* parser.c: the one parser, and the table that it parses by. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "analyzer/command/command_line.h"

#define MOST 8

static struct {
	enum option_id option;
	const char *argument;
} taken[MOST];
static size_t taken_count;

static struct command_line line;

static bool take(void *context, enum option_id option, const char *argument)
{
	cr_expect(context == &line);
	cr_assert_lt(taken_count, MOST);
	taken[taken_count].option = option;
	taken[taken_count++].argument = argument;
	return strcmp(argument, "refused") != 0;
}

static void set_up(void)
{
	cr_redirect_stderr();
	cr_redirect_stdout();
}

TestSuite(command_line, .init = set_up);

static enum command_line_end reads(enum subcommand subcommand, const char *words)
{
	static char text[256];
	static char *argv[32];
	int argc = 0;

	line = (struct command_line){.subcommand = subcommand, .take = take, .context = &line};
	taken_count = 0;
	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return command_line_read(&line, argc, argv);
}

Test(command_line, options_and_their_arguments)
{
	cr_assert_eq(reads(SUBCOMMAND_REPORT, "report --format=json --output file -q trace"), COMMAND_LINE_READ);
	cr_assert_eq(taken_count, 3);
	cr_expect(taken[0].option == OPTION_FORMAT && !strcmp(taken[0].argument, "json"));
	cr_expect(taken[1].option == OPTION_OUTPUT && !strcmp(taken[1].argument, "file"));
	cr_expect(taken[2].option == OPTION_QUIET && !strcmp(taken[2].argument, ""));
	cr_assert_eq(line.rest_count, 1);
	cr_expect_str_eq(line.rest[0], "trace");
}

Test(command_line, the_same_name_means_what_the_subcommand_has)
{
	cr_assert_eq(reads(SUBCOMMAND_DIFF, "diff --format=json base new"), COMMAND_LINE_READ);
	cr_expect(taken[0].option == OPTION_DIFF_FORMAT);
	cr_expect_eq(reads(SUBCOMMAND_DIFF, "diff --format=html base new"), COMMAND_LINE_WRONG);
	cr_expect_eq(reads(SUBCOMMAND_DIFF, "diff --output=x base new"), COMMAND_LINE_WRONG);
}

Test(command_line, a_command_begins_at_the_first_word_that_is_no_option)
{
	cr_assert_eq(reads(SUBCOMMAND_RUN, "run --quiet cat -q file"), COMMAND_LINE_READ);
	cr_expect(taken_count == 1 && line.rest_count == 3);
	cr_expect_str_eq(line.rest[0], "cat");
	cr_assert_eq(reads(SUBCOMMAND_RUN, "run -- -q"), COMMAND_LINE_READ);
	cr_expect(taken_count == 0 && line.rest_count == 1);
	cr_assert_eq(reads(SUBCOMMAND_REPORT, "report trace -q other"), COMMAND_LINE_READ);
	cr_expect(taken_count == 1 && line.rest_count == 2);
}

Test(command_line, words)
{
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --color=never x"), COMMAND_LINE_READ);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --color=sometimes x"), COMMAND_LINE_WRONG);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --color=auto,never x"), COMMAND_LINE_WRONG);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --fail-on=error,note x"), COMMAND_LINE_READ);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --fail-on=error, x"), COMMAND_LINE_WRONG);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --fail-on= x"), COMMAND_LINE_WRONG);
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --fail-on=err x"), COMMAND_LINE_WRONG);
}

Test(command_line, wrong_lines)
{
	static const char *const wrong[] = {"report --nonsense", "report -Z", "report --output", "report --quiet=1",
		"report --log-dir=x", "report --output=refused"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_expect_eq(reads(SUBCOMMAND_REPORT, wrong[i]), COMMAND_LINE_WRONG, "%s", wrong[i]);
}

Test(command_line, help_and_version_end_it)
{
	for (int i = SUBCOMMAND_RUN; i <= SUBCOMMAND_EXPLAIN; i++) {
		cr_expect_eq(reads((enum subcommand)i, "x --help"), COMMAND_LINE_DONE);
		cr_expect_eq(reads((enum subcommand)i, "x -h --nonsense"), COMMAND_LINE_DONE);
	}
	cr_expect_eq(reads(SUBCOMMAND_RUN, "run --version"), COMMAND_LINE_DONE);
	cr_expect_eq(taken_count, 0);
}

Test(command_line, subcommands_by_name)
{
	enum subcommand found;

	cr_assert(command_line_find("sockets", &found));
	cr_expect_eq(found, SUBCOMMAND_SOCKETS);
	cr_expect_not(command_line_find("socket", &found));
}
