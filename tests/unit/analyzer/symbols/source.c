/* source.c: names of source files, and their lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/limits.h"
#include "analyzer/symbols/source.h"
#include "tests/unit/trace_builder.h"

static char *directory;
static struct sources *sources;

static void set_up(void)
{
	char *made = builder_directory();

	directory = realpath(made, NULL);
	free(made);
	cr_assert_eq(chdir(directory), 0);
	unsetenv("GITHUB_WORKSPACE");
	unsetenv("CI_PROJECT_DIR");
	sources = sources_new();
}

static void tear_down(void)
{
	sources_free(sources);
	cr_assert_eq(chdir("/"), 0);
	builder_remove(directory);
}

TestSuite(source, .init = set_up, .fini = tear_down);

static void expect_path(const char *file, const char *expected, bool expected_inside)
{
	bool inside;
	char *path = sources_path(sources, file, &inside);

	cr_assert_str_eq(path, expected);
	cr_assert_eq(inside, expected_inside, "%s", file);
	free(path);
}

Test(source, paths_are_relative_to_the_top)
{
	char *inner = builder_path(directory, "src/a.c");
	char *detour = builder_path(directory, "build/../src/./a.c");
	char *similar;

	cr_assert(asprintf(&similar, "%s-other/a.c", directory) > 0);
	expect_path(inner, "src/a.c", true);
	expect_path(detour, "src/a.c", true);
	expect_path("src/a.c", "src/a.c", true);
	expect_path("./src//a.c", "src/a.c", true);
	expect_path("/usr/include/stdio.h", "/usr/include/stdio.h", false);
	expect_path("/a/../../b.c", "/b.c", false);
	expect_path(similar, similar, false);
	expect_path("../csu/libc-start.c", "../csu/libc-start.c", false);
	expect_path("a/../../b.c", "../b.c", false);
	expect_path("../../a.c", "../../a.c", false);
	expect_path("<stdin>", "<stdin>", false);
}

static void write_file(const char *name, const char *text)
{
	char *path = builder_path(directory, name);
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

Test(source, the_top_is_where_the_service_says_the_checkout_is)
{
	cr_assert_eq(mkdir("part", 0755), 0);
	write_file("part/a.c", "\n");
	cr_assert_eq(chdir("part"), 0);
	setenv("CI_PROJECT_DIR", directory, 1);
	sources_free(sources);
	sources = sources_new();
	cr_assert_str_eq(sources_root(sources), directory);
	expect_path("a.c", "part/a.c", true);
	expect_path("other/b.c", "other/b.c", true);
}

Test(source, a_checkout_elsewhere_is_not_the_top)
{
	setenv("GITHUB_WORKSPACE", "/usr", 1);
	sources_free(sources);
	sources = sources_new();
	cr_assert_str_eq(sources_root(sources), directory);
}

static void expect_uri(const char *path, const char *expected)
{
	char *uri = source_uri(path);

	cr_assert_str_eq(uri, expected);
	free(uri);
}

Test(source, uris_are_escaped)
{
	expect_uri("src/a b%c.c", "src/a%20b%25c.c");
	expect_uri("/x/\xc3\xa4.c", "file:///x/%C3%A4.c");
	expect_uri("a:b.c", "a%3Ab.c");
}

static void expect_line(const struct source_file *file, size_t number, const char *expected)
{
	size_t length;
	const char *line = source_line(file, number, &length);

	cr_assert_not_null(line, "no line %zu", number);
	cr_assert_eq(length, strlen(expected), "line %zu has %zu bytes", number, length);
	cr_assert_eq(memcmp(line, expected, length), 0);
}

Test(source, lines_are_counted_from_one)
{
	const struct source_file *file;
	size_t length;

	write_file("a.c", "one\r\n\nthree");
	file = sources_open(sources, "a.c");
	cr_assert_not_null(file);
	cr_assert_eq(file->line_count, 3);
	expect_line(file, 1, "one");
	expect_line(file, 2, "");
	expect_line(file, 3, "three");
	cr_assert_null(source_line(file, 0, &length));
	cr_assert_null(source_line(file, 4, &length));
	cr_assert_eq(sources_open(sources, "a.c"), file);
}

Test(source, a_newline_at_the_end_begins_no_line)
{
	const struct source_file *file;

	write_file("a.c", "one\n");
	write_file("empty.c", "");
	file = sources_open(sources, "a.c");
	cr_assert_eq(file->line_count, 1);
	expect_line(file, 1, "one");
	cr_assert_eq(sources_open(sources, "empty.c")->line_count, 0);
}

Test(source, only_source_is_read)
{
	write_file("secret", "x\n");
	write_file("secret.txt", "x\n");
	cr_assert_eq(mkfifo("pipe.c", 0600), 0);
	cr_assert_eq(mkdir("folder.c", 0700), 0);
	cr_assert_null(sources_open(sources, "secret"));
	cr_assert_null(sources_open(sources, "secret.txt"));
	cr_assert_null(sources_open(sources, "pipe.c"));
	cr_assert_null(sources_open(sources, "folder.c"));
	cr_assert_null(sources_open(sources, "missing.c"));
}

static void expect_shown(const char *name, bool shown)
{
	const struct source_file *file = sources_open(sources, name);

	cr_assert_eq(file != NULL, shown, "%s", name);
}

/* The end of a link to somewhere else, in a directory of its own that is removed with this one. */
static char *elsewhere(void)
{
	char *made = builder_directory();
	char *other = realpath(made, NULL);
	char *path = builder_path(other, "secret.c");
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	fputs("secret\n", file);
	fclose(file);
	free(path);
	free(made);
	return other;
}

Test(source, no_link_leads_out_of_the_tree)
{
	char *other = elsewhere();
	char *target = builder_path(other, "secret.c");
	char *inner = builder_path(directory, "real.c");

	write_file("real.c", "real\n");
	cr_assert_eq(symlink(target, "link.c"), 0);
	cr_assert_eq(symlink(other, "folder"), 0);
	cr_assert_eq(symlink(inner, "alias.c"), 0);
	expect_shown(target, false);
	expect_shown("link.c", false);
	expect_shown("folder/secret.c", false);
	expect_shown("../../../../../etc/passwd.c", false);
	expect_shown("alias.c", true);
	expect_shown(inner, true);
	free(inner);
	free(target);
	builder_remove(other);
}

/* A link decides by its own end, not by its name. */
Test(source, a_link_named_like_source_shows_nothing_else)
{
	write_file("shadow", "secret\n");
	cr_assert_eq(symlink("shadow", "shadow.c"), 0);
	expect_shown("shadow.c", false);
}

Test(source, another_tree_is_shown_where_it_was_named)
{
	char *other = elsewhere();
	char *target = builder_path(other, "secret.c");
	char *missing = builder_path(other, "missing");

	cr_assert_not(sources_add_tree(sources, missing));
	cr_assert(sources_add_tree(sources, other));
	expect_shown(target, true);
	expect_shown("secret.c", true);
	free(missing);
	free(target);
	builder_remove(other);
}

Test(source, the_whole_file_system_is_nobodys_tree)
{
	char *path = builder_path(directory, "a.c");

	write_file("a.c", "one\n");
	cr_assert_eq(chdir("/"), 0);
	sources_free(sources);
	sources = sources_new();
	expect_shown(path, false);
	sources_free(sources);
	sources = sources_new();
	cr_assert(sources_add_tree(sources, "/"));
	expect_shown(path, true);
	free(path);
}

Test(source, what_all_files_together_may_be_is_bounded)
{
	write_file("a.c", "one\n");
	write_file("b.c", "two\n");
	limits_set(LIMIT_SOURCES, 16);
	expect_shown("a.c", true);
	expect_shown("b.c", false);
	limits_reset();
}
