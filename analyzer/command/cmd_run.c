/*
 * cmd_run.c: `socksan run`: audit a command and all its children, then report.
 *
 * Everything that can fail is looked at before the command is started: a run that cannot be audited or reported is
 * refused, since a command can rarely be run a second time for the sake of its report.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/command/options.h"
#include "analyzer/report/report.h"
#include "analyzer/run/environment.h"
#include "analyzer/run/executable.h"
#include "analyzer/run/launch.h"
#include "analyzer/run/roster.h"
#include "analyzer/run/run_directory.h"
#include "analyzer/run/shim_library.h"
#include "analyzer/run/shim_options.h"
#include "analyzer/trace/liveness.h"
#include "analyzer/trace/reader.h"
#include "analyzer/trace/trace_trim.h"

/* One run, from its options to its end. */
struct run {
	struct report_options report;
	struct shim_options shim_options; /* of the command line */
	struct shim_options merged_options; /* and those of the environment */
	const char *log_dir; /* NULL: a temporary directory */
	const char *shim_path; /* NULL: where it is usually */
	char **argv; /* of the command */
	struct shim_library shim;
	struct executable executable;
	struct run_directory directory;
	struct launch launch;
};

static bool set_quarantine(struct run *run, const char *number)
{
	char *text = text_format("quarantine=%s", number);
	bool good = !strchr(number, ':') && shim_options_add(&run->shim_options, text);

	if (strchr(number, ':'))
		text_complain("--quarantine=%s: expected a number", number);
	free(text);
	return good;
}

static bool take(void *context, enum option_id option, const char *argument)
{
	struct run *run = context;

	switch (option) {
	case OPTION_LOG_DIR: run->log_dir = argument; return true;
	case OPTION_SHIM: run->shim_path = argument; return true;
	case OPTION_OPTIONS: return shim_options_add(&run->shim_options, argument);
	case OPTION_QUARANTINE: return set_quarantine(run, argument);
	default: return options_parse(&run->report, option, argument);
	}
}

/*
 * The shim's options: those that were inherited, and those of the command line over them. One of them is for the report
 * that is made here.
 */
static bool merge_shim_options(struct run *run)
{
	const char *inherited = getenv("SOCKSAN_OPTIONS");
	const char *suppressions;

	if (inherited)
		shim_options_inherit(&run->merged_options, inherited);
	for (size_t i = 0; i < run->shim_options.count; i++)
		shim_options_set(
			&run->merged_options, run->shim_options.items[i].key, run->shim_options.items[i].value);
	suppressions = shim_options_get(&run->merged_options, "suppressions");
	return !suppressions || options_add_suppressions(&run->report, suppressions);
}

static enum command_line_end parse(struct run *run, int argc, char **argv)
{
	struct command_line line = {.subcommand = SUBCOMMAND_RUN, .take = take, .context = run};
	enum command_line_end end = command_line_read(&line, argc, argv);

	if (end != COMMAND_LINE_READ)
		return end;
	run->argv = line.rest;
	if (!line.rest_count) {
		text_complain("run: no command given; `socksan help run` says more");
		return COMMAND_LINE_WRONG;
	}
	return options_finish(&run->report) && merge_shim_options(run) ? COMMAND_LINE_READ : COMMAND_LINE_WRONG;
}

/* Says why the command will not be started. Returns the exit status. */
static int refuse(const struct run *run)
{
	const struct executable *executable = &run->executable;
	const char *name = run->argv[0];

	switch (executable->verdict) {
	case EXECUTABLE_NOT_FOUND: text_complain("cannot run %s: %s", name, executable->reason); return EXIT_NOT_FOUND;
	case EXECUTABLE_CANNOT_EXECUTE:
		text_complain("cannot execute %s: %s", name, executable->reason);
		return EXIT_CANNOT_EXECUTE;
	case EXECUTABLE_UNAUDITABLE:
		text_complain("cannot audit %s: %s%s%s", name, executable->reason, executable->advice ? "; " : "",
			executable->advice ? executable->advice : "");
		return EXIT_SOCKSAN;
	case EXECUTABLE_AUDITABLE: break;
	}
	return EXIT_SUCCESS;
}

/* The shim's options, and where this run's files are. */
static char *make_shim_options(struct run *run)
{
	shim_options_set(&run->merged_options, "log_path", run->directory.log_path);
	shim_options_set(&run->merged_options, "roster", run->directory.roster);
	/* nobody else has to do with traces there, so nobody truncates them */
	if (run->directory.temporary && !shim_options_get(&run->merged_options, "handle_sigbus"))
		shim_options_set(&run->merged_options, "handle_sigbus", "0");
	return shim_options_text(&run->merged_options);
}

/* Runs the command. Returns 0, or the exit status that says why there was nothing to wait for. */
static int start(struct run *run)
{
	char *options = make_shim_options(run);
	char **environment = environment_make(run->shim.path, options, run->executable.needs_asan);

	launch_wait(&run->launch, run->executable.path, run->argv, environment);
	environment_free(environment);
	free(options);
	switch (run->launch.failure) {
	case LAUNCH_CANNOT_START:
		text_complain("cannot start a process: %s", strerror(run->launch.error));
		return EXIT_SOCKSAN;
	case LAUNCH_CANNOT_EXECUTE:
		text_complain("cannot execute %s: %s", run->argv[0], strerror(run->launch.error));
		return run->launch.error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
	case LAUNCH_NO_FAILURE: break;
	}
	return EXIT_SUCCESS;
}

static bool signed_in(const struct roster *roster, pid_t pid)
{
	for (size_t i = 0; i < roster->process_count; i++)
		if (roster->processes[i].pid == pid)
			return true;
	return false;
}

/*
 * Audited processes that still run. A forked child that never executed anything signs in nowhere, but may have a
 * trace.
 */
static size_t count_running(const struct roster *roster, char *const traces[])
{
	size_t count = 0;

	for (size_t i = 0; i < roster->process_count; i++)
		count += roster_process_runs(&roster->processes[i]);
	for (; *traces; traces++) {
		struct trace_process process;
		struct reader reader;

		if (!reader_open(&reader, *traces, true))
			continue;
		if (reader_get(&reader, reader.header.header_bytes, TRACE_PROCESS, &process, sizeof(process)) &&
			process.ended == TRACE_RUNNING && !signed_in(roster, process.pid))
			count += liveness_check(
				process.pid, process.exe, reader.header.created_ns, reader.header.created_wall_ns);
		reader_close(&reader);
	}
	return count;
}

/*
 * Removing the files of processes that still run would only lose the rest of what they record. Those that stay are
 * trimmed.
 */
static void clean_up(const struct run *run, const struct roster *roster, char *const traces[])
{
	size_t running = run->directory.temporary ? count_running(roster, traces) : 0;
	char number[TEXT_NUMBER_BYTES];

	if (running)
		text_complain("%s still running: the traces stay in %s (`socksan report` reads them)",
			text_plural(number, running, "audited process"), run->directory.path);
	else
		run_directory_remove(&run->directory);
	for (; (running || !run->directory.temporary) && *traces; traces++)
		trace_trim(*traces);
}

static int exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/*
 * A process that may write nothing to any file leaves an empty trace as its only word; so does one whose trace somebody
 * emptied.
 */
static void note_empty_traces(struct roster *roster, char *const traces[])
{
	struct stat status;

	for (; *traces; traces++) {
		const char *base = strrchr(*traces, '/');

		if (stat(*traces, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
			roster_add_trouble(roster, text_format("%s: it is empty: a process could write nothing to it, "
							       "or somebody truncated it",
							   base ? base + 1 : *traces));
	}
}

/* Reports what the traces and the roster tell. Returns the exit status of the run. */
static int report(struct run *run)
{
	char *command = realpath(run->executable.path, NULL);
	int status = exit_status(run->launch.wait_status);
	struct run_facts facts = {.argv = run->argv, .pid = run->launch.pid, .wait_status = run->launch.wait_status};
	struct roster roster;
	size_t trace_count;
	char **traces = run_directory_traces(&run->directory, &trace_count);
	int result;

	roster_read(&roster, run->directory.roster, run->launch.pid, command ? command : run->executable.path,
		&run->shim.image);
	if (run->executable.caution)
		roster_add_trouble(&roster,
			text_format("pid %d: %s: %s", (int)run->launch.pid, run->argv[0], run->executable.caution));
	note_empty_traces(&roster, traces);
	facts.signed_in = roster.process_count;
	facts.escaped = roster.escaped;
	facts.escaped_count = roster.escaped_count;
	facts.untraced = roster.untraced;
	facts.troubles = roster.troubles;
	facts.trouble_count = roster.trouble_count;
	result = report_traces(&run->report, &facts, traces, trace_count);
	clean_up(run, &roster, traces);
	roster_free(&roster);
	run_directory_free_traces(traces);
	free(command);
	if (result == EXIT_SOCKSAN && run->report.error_exitcode != EXIT_SOCKSAN)
		return EXIT_SOCKSAN;
	return status ? status : result;
}

static int perform(struct run *run)
{
	int status;
	char *words;

	if (!shim_library_find(&run->shim, run->shim_path))
		return EXIT_SOCKSAN;
	executable_examine(&run->executable, run->argv[0], &run->shim.image);
	if (run->executable.verdict != EXECUTABLE_AUDITABLE)
		return refuse(run);
	if (!run_directory_open(&run->directory, run->log_dir))
		return EXIT_SOCKSAN;
	status = start(run);
	if (status) {
		run_directory_remove(&run->directory);
		return status;
	}
	/* Whoever reads the report may go away. The traces must be cleared up nevertheless. */
	signal(SIGPIPE, SIG_IGN);
	words = text_format(
		"socksan: interrupted: the traces stay in %s (`socksan report` reads them)\n", run->directory.path);
	launch_report_begins(words);
	status = report(run);
	launch_report_begins("");
	free(words);
	return status;
}

int command_run(int argc, char **argv)
{
	struct run run = {0};
	enum command_line_end end;
	int status = EXIT_SOCKSAN;

	options_init(&run.report, stderr);
	end = parse(&run, argc, argv);
	if (end == COMMAND_LINE_DONE)
		status = EXIT_SUCCESS;
	else if (end == COMMAND_LINE_READ)
		status = perform(&run);
	options_free(&run.report);
	shim_options_free(&run.shim_options);
	shim_options_free(&run.merged_options);
	shim_library_free(&run.shim);
	executable_free(&run.executable);
	run_directory_free(&run.directory);
	return status;
}
