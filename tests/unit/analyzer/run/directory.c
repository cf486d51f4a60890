/*
 * directory.c: the directory of one run: made private, told apart from other runs, removed without a
 * trace.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/run/run_directory.h"

static char base[PATH_MAX];

static void set_up(void)
{
	snprintf(base, sizeof(base), "%s/socksan-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert_not_null(mkdtemp(base));
	setenv("TMPDIR", base, 1);
	cr_redirect_stderr();
}

static void tear_down(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "/bin/rm -rf '%s'", base);
	cr_assert_eq(system(command), 0);
}

TestSuite(run_directory, .init = set_up, .fini = tear_down);

static void make_file(const char *prefix, const char *name)
{
	char path[PATH_MAX + 64];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", prefix, name);
	file = fopen(path, "we");
	cr_assert_not_null(file, "%s", path);
	fclose(file);
}

static size_t count_entries(const char *path)
{
	DIR *stream = opendir(path);
	size_t count = 0;

	cr_assert_not_null(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

static void expect_mode(const char *path, mode_t mode)
{
	struct stat status;

	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, mode, "%s: %o", path, (unsigned)status.st_mode);
}

Test(run_directory, temporary_is_private_and_goes)
{
	struct run_directory directory;
	size_t count;
	char **traces;

	cr_assert(run_directory_open(&directory, NULL));
	cr_expect(directory.temporary);
	expect_mode(directory.path, 0700);
	expect_mode(directory.roster, 0600);
	cr_expect_eq(*directory.log_path, '/');
	make_file(directory.log_path, "b.2.0.trace");
	make_file(directory.log_path, "a.1.0.trace");
	make_file(directory.log_path, "other");
	traces = run_directory_traces(&directory, &count);
	cr_assert_eq(count, 2);
	cr_expect_not_null(strstr(traces[0], "a.1.0.trace"));
	cr_expect_not_null(strstr(traces[1], "b.2.0.trace"));
	cr_expect_null(traces[2]);
	run_directory_free_traces(traces);
	run_directory_remove(&directory);
	cr_expect_eq(count_entries(base), 0);
	run_directory_free(&directory);
}

Test(run_directory, log_dir_is_kept)
{
	struct run_directory directory;
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/logs", base);
	cr_assert(run_directory_open(&directory, path));
	expect_mode(path, 0700);
	cr_expect_not(directory.temporary);
	make_file(directory.log_path, "a.1.0.trace");
	run_directory_remove(&directory);
	cr_expect_eq(count_entries(path), 1);
	run_directory_free(&directory);
}

Test(run_directory, the_umask_takes_nothing_away)
{
	struct run_directory directory;
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/logs", base);
	umask(0777);
	cr_assert(run_directory_open(&directory, path));
	cr_expect_eq(umask(0777), 0777, "what the command inherits");
	expect_mode(path, 0700);
	expect_mode(directory.roster, 0600);
	run_directory_remove(&directory);
	run_directory_free(&directory);
	cr_assert(run_directory_open(&directory, NULL));
	expect_mode(directory.path, 0700);
	run_directory_remove(&directory);
	run_directory_free(&directory);
}

Test(run_directory, runs_do_not_see_each_other)
{
	struct run_directory first;
	struct run_directory second;
	size_t count;
	char **traces;

	make_file(base, "/earlier.trace");
	cr_assert(run_directory_open(&first, base));
	cr_assert(run_directory_open(&second, base));
	make_file(first.log_path, "a.1.0.trace");
	traces = run_directory_traces(&second, &count);
	cr_expect_eq(count, 0);
	cr_expect_null(traces[0]);
	run_directory_free_traces(traces);
	traces = run_directory_traces(&first, &count);
	cr_expect_eq(count, 1);
	run_directory_free_traces(traces);
	run_directory_remove(&first);
	run_directory_remove(&second);
	run_directory_free(&first);
	run_directory_free(&second);
}

Test(run_directory, relative_names_become_absolute)
{
	struct run_directory directory;

	cr_assert_eq(chdir(base), 0);
	cr_assert(run_directory_open(&directory, "logs"));
	cr_expect_eq(*directory.log_path, '/');
	cr_expect_eq(*directory.roster, '/');
	run_directory_free(&directory);
}

static void expect_refused(const char *log_dir)
{
	struct run_directory directory;

	cr_expect_not(run_directory_open(&directory, log_dir), "%s", log_dir ? log_dir : "temporary");
	cr_expect_null(directory.path);
}

Test(run_directory, refuses_what_cannot_hold_traces)
{
	char path[PATH_MAX + 512];

	make_file(base, "/file");
	snprintf(path, sizeof(path), "%s/file", base);
	expect_refused(path);
	snprintf(path, sizeof(path), "%s/missing/logs", base);
	expect_refused(path);
	expect_refused("");
	snprintf(path, sizeof(path), "%s/\"both'", base);
	expect_refused(path);
	/* The shim has room for less than the file system. */
	snprintf(path, sizeof(path), "%s/%0230d", base, 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%0230d", 0);
	expect_refused(path);
	setenv("TMPDIR", "/nonexistent", 1);
	expect_refused(NULL);
}
