/* roster.c: who was audited and who escaped, told from rosters that are written here. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/run/roster.h"
#include "shim/trace_format.h"

#define COMMAND_PID 100
#define COMMAND "/nonexistent/command"

static char path[PATH_MAX];
static FILE *file;
static struct elf_image shim;
static struct roster roster;

static void set_up(void)
{
	int fd;

	snprintf(path, sizeof(path), "%s/socksan-roster-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	fd = mkstemp(path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	cr_assert_not_null(file);
	cr_assert_eq(elf_image_read("/proc/self/exe", &shim), ELF_IMAGE_READ);
}

static void tear_down(void)
{
	roster_free(&roster);
	elf_image_free(&shim);
	unlink(path);
}

TestSuite(roster, .init = set_up, .fini = tear_down);

static void add(enum trace_roster_type type, pid_t pid, const char *text)
{
	struct trace_roster_entry entry = {.magic = TRACE_ROSTER_MAGIC, .type = type, .pid = pid, .t_ns = 1};

	memcpy(entry.path, text, strnlen(text, sizeof(entry.path)));
	cr_assert_eq(fwrite(&entry, sizeof(entry), 1, file), 1);
}

static void read_roster(void)
{
	fclose(file);
	roster_read(&roster, path, COMMAND_PID, COMMAND, &shim);
}

Test(roster, nobody_signed_in)
{
	read_roster();
	cr_expect_eq(roster.process_count, 0);
	cr_assert_eq(roster.escaped_count, 1);
	cr_expect_eq(roster.escaped[0].pid, COMMAND_PID);
	cr_expect_str_eq(roster.escaped[0].path, COMMAND);
	cr_expect_eq(roster.trouble_count, 0);
}

Test(roster, exec_that_signs_in_is_audited)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_EXEC, COMMAND_PID, "/bin/next");
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_EXEC, 101, "/bin/child");
	add(TRACE_ROSTER_SIGNED_IN, 101, "");
	read_roster();
	cr_expect_eq(roster.process_count, 2, "a process that became another image is one process");
	cr_expect_eq(roster.escaped_count, 0);
}

Test(roster, exec_that_does_not_sign_in_escaped)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_EXEC, 101, "/proc/self/exe");
	read_roster();
	cr_expect_eq(roster.process_count, 1);
	cr_assert_eq(roster.escaped_count, 1);
	cr_expect_eq(roster.escaped[0].pid, 101);
	cr_expect_str_eq(roster.escaped[0].path, "/proc/self/exe");
	cr_expect_not_null(strstr(roster.escaped[0].reason, "not seen to be audited"));
}

Test(roster, failed_exec_is_taken_back)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_EXEC, COMMAND_PID, "/nonexistent/a");
	add(TRACE_ROSTER_EXEC_FAILED, COMMAND_PID, "/nonexistent/a");
	add(TRACE_ROSTER_EXEC, COMMAND_PID, "/bin/b");
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	read_roster();
	cr_expect_eq(roster.process_count, 1);
	cr_expect_eq(roster.escaped_count, 0);
}

Test(roster, spawned_child_may_be_faster_than_its_parent)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_SIGNED_IN, 101, "");
	add(TRACE_ROSTER_SPAWNED, 101, "/bin/a");
	add(TRACE_ROSTER_SPAWNED, 102, "/bin/b");
	add(TRACE_ROSTER_SIGNED_IN, 102, "");
	add(TRACE_ROSTER_SIGNED_IN, 103, "");
	add(TRACE_ROSTER_EXEC, 103, "/bin/next");
	add(TRACE_ROSTER_SPAWNED, 103, "/bin/c");
	add(TRACE_ROSTER_SPAWNED, 104, "/bin/d");
	read_roster();
	cr_expect_eq(roster.process_count, 4);
	cr_assert_eq(roster.escaped_count, 2);
	cr_expect_eq(roster.escaped[0].pid, 103);
	cr_expect_str_eq(roster.escaped[0].path, "/bin/next");
	cr_expect_eq(roster.escaped[1].pid, 104);
	cr_expect_str_eq(roster.escaped[1].path, "/bin/d");
}

Test(roster, missing_traces_are_troubles)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_NO_TRACE, COMMAND_PID, "Permission denied");
	read_roster();
	cr_assert_eq(roster.trouble_count, 1);
	cr_expect_str_eq(roster.troubles[0], "pid 100: no trace: Permission denied");
	cr_expect_eq(roster.untraced, 1);
}

Test(roster, errors_have_words)
{
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	add(TRACE_ROSTER_NO_TRACE, COMMAND_PID, "/run/a.trace: errno 28");
	add(TRACE_ROSTER_NO_TRACE, COMMAND_PID, "/run/a.trace: errno 28.trace");
	add(TRACE_ROSTER_NO_TRACE, COMMAND_PID, "/run/a.trace: errno 99999999999999999999");
	read_roster();
	cr_assert_eq(roster.trouble_count, 3);
	cr_expect_str_eq(roster.troubles[0], "pid 100: no trace: /run/a.trace: No space left on device");
	cr_expect_str_eq(roster.troubles[1], "pid 100: no trace: /run/a.trace: errno 28.trace");
	cr_expect_str_eq(roster.troubles[2], "pid 100: no trace: /run/a.trace: errno 99999999999999999999");
}

Test(roster, damage_costs_only_itself)
{
	char full[300];

	memset(full, 'x', sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	add(TRACE_ROSTER_SIGNED_IN, COMMAND_PID, "");
	fputs("torn", file);
	add(TRACE_ROSTER_EXEC, 101, full);
	add((enum trace_roster_type)77, 102, "of a later version");
	fputs("end", file);
	read_roster();
	cr_expect_eq(roster.process_count, 1);
	cr_assert_eq(roster.escaped_count, 1);
	cr_expect_eq(strlen(roster.escaped[0].path), sizeof(((struct trace_roster_entry *)NULL)->path));
	cr_assert_eq(roster.trouble_count, 1);
	cr_expect_not_null(strstr(roster.troubles[0], "7 damaged bytes"), "%s", roster.troubles[0]);
}

Test(roster, missing_roster_is_a_trouble)
{
	unlink(path);
	read_roster();
	cr_assert_eq(roster.trouble_count, 1);
	cr_expect_not_null(strstr(roster.troubles[0], "No such file"));
	cr_expect_eq(roster.escaped_count, 1);
}

Test(roster, only_a_plain_file_is_read)
{
	unlink(path);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	read_roster();
	cr_expect_eq(roster.trouble_count, 1);
}

Test(roster, running_processes)
{
	struct timespec now;
	struct roster_process process = {.pid = getpid()};

	clock_gettime(CLOCK_MONOTONIC, &now);
	process.t_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	cr_expect(roster_process_runs(&process));
	process.pid = INT_MAX;
	cr_expect_not(roster_process_runs(&process));
	fclose(file);
}
